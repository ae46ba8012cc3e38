// Gathers the licences of what the program is built from, for `./build.sh dist`: each crate that is compiled into the broker and the
// page, with the texts that it ships, and those of the standard library's own sources. Fails where a crate has no text.
//
//   node licences.mjs FILE APACHE PACKAGE@TARGET…      in a workspace; APACHE is the text of Apache-2.0
//
// Not by cargo-about, which wants to be told again what deny.toml says, is a large program to be built for this alone, and would have to
// be told of the standard library and of texts in a crate's depth, such as jemalloc's.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const TEXT = /^(licen[cs]es?|copying|copyright|notice|unlicense)([-_.][^/]*)?$/i;
const CODE = /\.(rs|c|h|py|sh|js|json|toml|html|yml)$/i;

const run = (program, ...flags) =>
  execFileSync(program, flags, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] });
const fail = (what) => {
  console.error(`licences.mjs: ${what}`);
  process.exit(1);
};
// The order is the same on each machine, whatever it speaks.
const byName = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const [out, apache, ...roots] = process.argv.slice(2);
if (!roots.length) fail("say where to, which text Apache-2.0 has, and at least one PACKAGE@TARGET.");

// What is compiled in. Macros write parts of the program and so belong to it; what they are built from themselves does not.
const compiled = new Set();
for (const root of roots) {
  const [name, target] = root.split("@");
  const tree = (edges) =>
    run("cargo", "tree", "--offline", "--locked", "-p", name, "--target", target, "-e", edges, "--prefix", "none", "-f", "{p}").split("\n");
  const macros = tree("normal").filter((line) => line.includes("(proc-macro)"));
  for (const line of [...tree("normal,no-proc-macro"), ...macros]) compiled.add(line.split(" ").slice(0, 2).join(" "));
}
const { packages, workspace_members } = JSON.parse(run("cargo", "metadata", "--offline", "--locked", "--format-version", "1"));
const crates = packages
  .filter((crate) => !workspace_members.includes(crate.id) && compiled.has(`${crate.name} v${crate.version}`))
  .map(({ name, version, license, license_file, manifest_path }) => {
    const folder = path.dirname(manifest_path);
    const texts = textsIn(folder);
    if (license_file && !texts.includes(path.join(folder, license_file))) texts.push(path.join(folder, license_file));
    // Of the usual licences, this alone is the same whoever grants it: the others name whose the crate is.
    const mayBeApache = license?.split(/ OR |\s*\/\s*/).includes("Apache-2.0");
    if (!texts.length && mayBeApache) texts.push(apache);
    if (!texts.length) fail(`${name} ${version} (${license}) ships no licence text: ask its authors for one, or do without it.`);
    return { name, version, licence: license ?? "see its text", texts };
  });

// What a static program has of musl and of LLVM's unwinder stands among these texts.
const rust = run("rustc", "--print", "sysroot").trim();
const [, rustVersion] = run("rustc", "--version").split(" ");
const library = textsIn(path.join(rust, "lib/rustlib/src/rust"));
if (!library.length) fail("the toolchain has no sources of the standard library: `rustup component add rust-src`.");
crates.push({ name: "the Rust standard library", version: rustVersion, licence: "MIT OR Apache-2.0, and others as below", texts: library });
crates.sort((a, b) => byName(a.name, b.name) || byName(a.version, b.version));

// Each text once. Those that differ by their line breaks alone are one.
const known = new Map();
for (const crate of crates) {
  for (const file of crate.texts.sort(byName)) {
    const text = fs.readFileSync(file, "utf8").replace(/^\uFEFF/, "");
    const words = text.replace(/\s+/g, " ").trim();
    if (!words) fail(`${file} is empty, and ${crate.name} ${crate.version} has to have a licence text.`);
    if (!known.has(words)) known.set(words, { number: known.size + 1, text, crates: new Set() });
    known.get(words).crates.add(crate);
  }
}
const numbers = (crate) => [...known.values()].filter((text) => text.crates.has(crate)).map((text) => text.number);
const line = "-".repeat(100);
const clean = (text) => text.split(/\r?\n/).map((row) => row.trimEnd()).join("\n").replace(/^\n+|\n+$/g, "");
const report = [
  "Klatch is built from what others made. Here is each part with its version, its licence, and the numbers of the texts that it",
  "ships, which follow. Klatch's own licence is in LICENSE-MIT and LICENSE-APACHE.",
  "",
  ...crates.map((crate) => `${crate.name} ${crate.version}: ${crate.licence} [${numbers(crate).join(", ")}]`),
];
for (const { number, text, crates: of } of known.values()) {
  report.push("", line, `[${number}] ${[...of].map(({ name, version }) => `${name} ${version}`).join(", ")}`, line, "", clean(text));
}
fs.writeFileSync(out, `${report.join("\n")}\n`);
console.log(`${crates.length} parts, ${known.size} texts in ${out}`);

// All texts below a folder, its own first.
function textsIn(folder) {
  const names = fs.readdirSync(folder, { recursive: true }).filter((name) => {
    const parts = name.split(path.sep);
    const isText = TEXT.test(parts.at(-1)) || /^licen[cs]es$/i.test(parts.at(-2) ?? "");
    return isText && !CODE.test(name) && fs.statSync(path.join(folder, name)).isFile();
  });
  return names.map((name) => path.join(folder, name));
}
