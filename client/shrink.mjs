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

// The module imports functions under names that end in a hash, which compresses badly; a number as long does as well.
let [js, wasm] = [script, module].map((name) => readFileSync(name, "latin1"));
const names = new Set(js.match(/\b__wb\w+_[0-9a-f]{16}\b/g));
[...names].forEach((name, index) => {
  const short = name.slice(0, -16) + String(index).padStart(16, "_");
  [js, wasm] = [js, wasm].map((text) => text.replaceAll(name, short));
});
writeFileSync(module, withoutNames(Buffer.from(wasm, "latin1")));

const options = ["--minify", "--format=esm", "--target=es2022", "--log-level=warning"];
const { status, stdout } = spawnSync("esbuild", options, { input: Buffer.from(js, "latin1"), stdio: ["pipe", "pipe", "inherit"] });
if (status !== 0) process.exit(1);
writeFileSync(script, stdout);

// Functions were put in the order of their names, as what is alike then compresses better; a browser needs no names, nor to be told by
// whom the module was made: what is in custom sections (WebAssembly Core §5.5.3).
function withoutNames(module) {
  const kept = [module.subarray(0, 8)];
  for (let at = 8, end; at < module.length; at = end) {
    let [length, shift, next, byte] = [0, 0, at + 1];
    do {
      byte = module[next++];
      length |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    end = next + length;
    if (module[at] !== 0) kept.push(module.subarray(at, end));
  }
  return Buffer.concat(kept);
}

let page = readFileSync("index.html", "utf8");
const replace = (part, by) => {
  if (page.search(part) < 0) throw new Error(`There is no ${part} in Trunk's page any more`);
  page = page.replace(part, by);
};
// First of all, as a script waits for the styles before it, and what is asked for first comes first.
const preloads = page.match(/<link (as=fetch|crossorigin) [^>]+>/g);
preloads.forEach((link) => replace(link, ""));
const compile = `<script>const compiling = WebAssembly.compileStreaming(fetch("/${module}"))</script>`;
replace("<link", [...preloads.reverse(), compile, "<link"].join(""));
replace(/module_or_path: '[^']+'/, "module_or_path: compiling");
// What only a room needs is loaded on the way in (`engine::late`).
for (const late of [/(href=\/manifest.webmanifest) rel=/, /(href=\/room-[^>]*) rel=/]) replace(late, "$1 data-rel=");
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
