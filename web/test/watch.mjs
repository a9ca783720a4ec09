// A watch of the test's own: a provider that answers what the test says, and the real program over it.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../target", import.meta.url));
const program = process.env.VIGIE_BIN ?? join(target, "debug/vigie");

/** A source of stations that report when they like. */
export const DEFINITION = `
id = "mine"
domain = "weather"
docs = "https://example.org/docs"
zones = { earth = true }
title = { fr = "Relevés de l’essai", en = "Reports of the test" }
description = { fr = "Une source", en = "A source" }
content = { fr = "Des relevés", en = "Reports" }
periodicity = { fr = "Parfois", en = "Sometimes" }
provider = { name = "Example", url = "https://example.org" }
access = { kind = "open" }
schedule = { collect = "10m", stale_after = "3h" }
quirks = [{ fr = "Une bizarrerie", en = "A quirk" }]

[rights]
licence = "CC0-1.0"
url = "https://example.org/terms"
attribution = "Example"
archive = "allowed"
republish = "allowed"

[request]
url = "https://api.example.org/reports"

[format]
kind = "json"

[rows]
model = "observations"
select = "[*]"
horizon = "2d"

[fields]
entity = "id"
name = "name"
point = { lon = "lon", lat = "lat" }
observed_at = { path = "at", format = "epoch_s" }

[measures.temperature]
title = { fr = "Température", en = "Temperature" }
path = "temp"
unit = "Cel"
`;

export class Watch {
  #folder = mkdtempSync(join(tmpdir(), "vigie-page-"));
  #provider;
  #serving = null;
  #port = 0;
  #settings;
  /** What the provider says. */
  answer = "[]";

  /** `after` is what becomes of bodies that were summarised; the sources are watched by these definitions. */
  static async start(after = "delete", definitions = { mine: DEFINITION }) {
    const watch = new Watch();
    watch.#provider = createServer((_, response) => response.end(watch.answer));
    await new Promise((done) => watch.#provider.listen(0, "127.0.0.1", done));
    watch.run("init", ".", "--zone", "Paris", "--lang", "en");
    const settings = join(watch.#folder, "vigie.toml");
    const [head] = readFileSync(settings, "utf8").split("[sources.");
    const base = `http://127.0.0.1:${watch.#provider.address().port}`;
    const kept = head.replace('# after = "delete"', `after = "${after}"`);
    const sources = Object.keys(definitions).map((id) => `\n[sources.${id}]\nbase_url = "${base}"\n`);
    writeFileSync(settings, kept + sources.join(""));
    mkdirSync(join(watch.#folder, "sources"), { recursive: true });
    for (const [id, definition] of Object.entries(definitions)) watch.write(`sources/${id}.toml`, definition);
    return watch;
  }

  /** Has these settings in a table that `init` wrote, instead of those of the last time. */
  configure(table, settings) {
    const file = join(this.#folder, "vigie.toml");
    this.#settings ??= readFileSync(file, "utf8");
    writeFileSync(file, this.#settings.replace(`[${table}]\n`, `[${table}]\n${settings}\n`));
  }

  /** Writes a file of the workspace. */
  write(name, text) {
    writeFileSync(join(this.#folder, name), text);
  }

  /** Runs a command in the workspace, whatever its exit code is. */
  run(...args) {
    try {
      return execFileSync(program, args, { cwd: this.#folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch (error) {
      return String(error.stdout);
    }
  }

  /** The provider is asked, whether it is due or not. It runs beside the provider, which is in this process. */
  async collect(answer, source = "mine") {
    this.answer = answer;
    const child = spawn(program, ["collect", source], { cwd: this.#folder, stdio: "ignore" });
    await new Promise((done) => child.on("exit", done));
    this.run("summarize");
  }

  /** Serves the page, from the second time on at the address that it had. */
  async serve() {
    const listen = `127.0.0.1:${this.#port}`;
    const child = spawn(program, ["serve", "--listen", listen], { cwd: this.#folder, stdio: ["ignore", "pipe", "ignore"] });
    this.#serving = child;
    const address = await new Promise((done, fail) => {
      child.stdout.once("data", (text) => done(String(text).split("\n")[0]));
      child.once("exit", (code) => fail(new Error(`the server ended with ${code}`)));
    });
    this.#port = Number(new URL(address).port);
    return address;
  }

  async kill() {
    const child = this.#serving;
    this.#serving = null;
    if (child === null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
  }

  async stop() {
    await this.kill();
    this.#provider?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
