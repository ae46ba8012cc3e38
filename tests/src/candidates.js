// What may have a role and a name in a page, or inside `root`, so that the browser need not be asked of everything: Firefox answers for
// an element without a place in its accessibility tree only after six rounds to its compositor, and holds the page up meanwhile. Which of
// these have them is the browser's to say: none that has may be missing here, but for videos, which Firefox takes for groups.
(root, role, name) => {
  const NATIVE = {
    button: "button, summary, input",
    combobox: "select, input",
    group: "fieldset, details, optgroup, address, hgroup",
    heading: "h1, h2, h3, h4, h5, h6",
    link: "a, area",
    list: "ul, ol, menu",
    slider: "input",
    status: "output",
    switch: "input",
    textbox: "input, textarea, [contenteditable]",
  };
  const selector = role in NATIVE ? `[role~=${role}], ${NATIVE[role]}` : "*";
  const wanted = (name ?? "").toLowerCase().split(/\s+/);
  // All that an accessible name is made of, and more. In any case: what is shown may be capitalised by the style.
  const sources = (element) => [
    element,
    ...(element.labels ?? []),
    ...(element.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => document.getElementById(id)),
  ].filter(Boolean);
  const told = (source) => [
    source.textContent,
    ...[source, ...source.querySelectorAll("*")].flatMap((part) => [part.value, ...[...part.attributes].map(({ value }) => value)]),
  ];
  const may = (element) => {
    const words = sources(element).flatMap(told).join(" ").toLowerCase();
    return wanted.every((word) => words.includes(word));
  };
  const inside = [...(root ?? document).querySelectorAll(selector)];
  return (root?.matches(selector) ? [root, ...inside] : inside).filter(may);
}
