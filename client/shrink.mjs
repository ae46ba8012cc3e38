// Trunk's last step for a release: makes the script and the module smaller than Trunk can, names them by what is in them
// now, and lets browsers compile the module while they still load the rest. Without esbuild on PATH, as after a plain
// `trunk build`, all stays as it is.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";

if (process.env.TRUNK_PROFILE !== "release" || spawnSync("esbuild", ["--version"]).error) process.exit();
process.chdir(process.env.TRUNK_STAGING_DIR);
const files = readdirSync(".");
const [script, module] = [".js", "_bg.wasm"].map((end) => files.find((name) => name.endsWith(end)));

// The module imports and exports functions under long names that end in a hash: letters say as much. A browser needs no names beside
// them, nor to be told by whom the module was made: what is in custom sections (WebAssembly Core §5.5.3). Before that, functions were
// put in the order of their names, as what is alike then compresses better.
let js = readFileSync(script, "latin1");
const letter = (index) => String.fromCharCode((index < 26 ? 97 : 39) + index);
const short = (index) => (index < 52 ? "" : letter(Math.floor(index / 52) - 1)) + letter(index % 52);
writeFileSync(module, shrunk(readFileSync(module)));

writeFileSync(script, minified(Buffer.from(js, "latin1")));

function minified(input, ...more) {
  const options = ["--minify", "--format=esm", "--target=es2022", "--log-level=warning", ...more];
  const { status, stdout } = spawnSync("esbuild", options, { input, stdio: ["pipe", "pipe", "inherit"] });
  if (status !== 0) process.exit(1);
  return stdout;
}

function shrunk(module) {
  const kept = [module.subarray(0, 8)];
  for (let at = 8, id, length; at < module.length; at += length) {
    id = module[at];
    [length, at] = number(module, at + 1);
    let section = module.subarray(at, at + length);
    if (id === 0) continue;
    if (id === 2) section = withShortImports(section);
    if (id === 7) section = withShortExports(section);
    kept.push(Buffer.from([id, ...bytes(section.length)]), section);
  }
  return Buffer.concat(kept);
}

// The imports, of which the script has each name once (§5.5.5).
function withShortImports(section) {
  const [count, first] = number(section, 0);
  const kept = [section.subarray(0, first)];
  for (let index = 0, at = first; index < count; index++) {
    const name = text(section, text(section, at).end);
    if (section[name.end] !== 0) throw new Error(`${name.text} is no function`);
    const [, end] = number(section, name.end + 1);
    const parts = js.split(name.text);
    if (parts.length !== 2) throw new Error(`The script has ${name.text} ${parts.length - 1} times`);
    js = parts.join(short(index));
    kept.push(section.subarray(at, name.start), named(short(index)), section.subarray(name.end, end));
    at = end;
  }
  return Buffer.concat(kept);
}

// The exports, which the script has as members of `wasm` (§5.5.10). What it does not have keeps its name.
function withShortExports(section) {
  const [count, first] = number(section, 0);
  const kept = [section.subarray(0, first)];
  for (let index = 0, at = first; index < count; index++) {
    const name = text(section, at);
    const [, end] = number(section, name.end + 1);
    const member = new RegExp(`\\bwasm\\.${name.text}\\b`, "g");
    const known = member.test(js);
    js = js.replace(member, `wasm.${short(index)}`);
    kept.push(named(known ? short(index) : name.text), section.subarray(name.end, end));
    at = end;
  }
  return Buffer.concat(kept);
}

function named(text) {
  return Buffer.from([...bytes(text.length), ...Buffer.from(text)]);
}

function text(section, start) {
  const [length, at] = number(section, start);
  return { start, text: section.toString("latin1", at, at + length), end: at + length };
}

// Numbers are in LEB128 (§5.2.2): what one is and where it ends, and the other way round.
function number(bytes, at) {
  let [value, shift, byte] = [0, 0];
  do {
    byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte & 0x80);
  return [value, at];
}

function bytes(number) {
  return number < 0x80 ? [number] : [(number & 0x7f) | 0x80, ...bytes(number >>> 7)];
}

let page = readFileSync("index.html", "utf8");
const replace = (part, by) => {
  if (page.search(part) < 0) throw new Error(`There is no ${part} in Trunk's page any more`);
  page = page.replace(part, by);
};
// Trunk's own minifier declares what is inline in another order each time, and whoever builds the page anew must get the same bytes.
const threshold = minified(readFileSync(`${process.env.TRUNK_SOURCE_DIR}/threshold/threshold.js`), "--charset=utf8");
replace(/<script>[^]*?<\/script>/, () => `<script>${threshold.toString().trim()}</script>`);
// Trunk's own start of the app keeps what nobody asks for.
const start = `import i from"/${script}";await i({module_or_path:compiling});dispatchEvent(new Event("TrunkApplicationStarted"))`;
replace(/<script type=module>[^]*?<\/script>/, `<script type=module>${start}</script>`);
// First of all, as a script waits for the styles before it, and what is asked for first comes first.
const preloads = page.match(/<link (as=fetch|crossorigin) [^>]+>/g);
preloads.forEach((link) => replace(link, ""));
const compile = `<script>const compiling=WebAssembly.compileStreaming(fetch("/${module}"))</script>`;
replace("<link", [...preloads.reverse(), compile, "<link"].join(""));
// What says nothing to a browser.
for (const attribute of [" data-integrity=none", " type=application/wasm"]) page = page.replaceAll(attribute, "");
// What the door of a room does not need is loaded later (`engine::late`).
for (const late of [/(href=\/manifest.webmanifest) rel=/, /(href=\/late-[^>]*) rel=/]) replace(late, "$1 data-rel=");
// A request less: the icon is smaller than the headers that it would come with.
const icon = files.find((name) => name.endsWith(".svg"));
const image = encodeURI(readFileSync(icon, "utf8").trim().replaceAll('"', "'")).replaceAll("%20", " ").replaceAll("#", "%23");
replace(new RegExp(`<link href=/${icon}[^>]*>`), `<link href="data:image/svg+xml,${image}" rel=icon>`);
rmSync(icon);
for (const name of [script, module]) {
  const hash = createHash("sha256").update(readFileSync(name)).digest("hex").slice(0, 16);
  const renamed = name.replace(/-[0-9a-f]{15,16}(?=[._])/, `-${hash}`);
  renameSync(name, renamed);
  page = page.replaceAll(name, renamed);
}
writeFileSync("index.html", page);
