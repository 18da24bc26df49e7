// The shells that complete the command line, on a terminal, with the Tab key.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { folder, python } from "./program.mjs";

const run = promisify(execFile);
const PROGRAM = "cloudflare-ai-gateway-mcp";
const PROMPT = "ready> ";

/** Each shell: its startup file, and the file's contents. */
const SHELLS = {
  bash: [".bashrc", `eval "$(${PROGRAM} completion bash)"\nPS1="${PROMPT}"\n`],
  zsh: [".zshrc", `autoload -Uz compinit && compinit -u\neval "$(${PROGRAM} completion zsh)"\nPS1="${PROMPT}"\n`],
  fish: [".config/fish/config.fish", `${PROGRAM} completion fish | source\nfunction fish_prompt; echo -n "${PROMPT}"; end\n`],
};

/** Type into a shell on a terminal; returns what the terminal shows once the shell ends. */
async function typed(shell, keys, env) {
  const child = spawn("script", ["-qec", `${shell} -i`, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
  let shown = "";
  let waits = true;
  for await (const part of child.stdout.setEncoding("utf8")) {
    shown += part;
    if (waits && shown.includes(PROMPT)) {
      waits = false;
      child.stdin.write(keys);
    }
  }
  return shown;
}

for (const [shell, [file, text]] of Object.entries(SHELLS)) {
  test(`${shell} completes a tool, an argument, its value and a model of the logs`, { timeout: 60_000 }, async (t) => {
    const home = folder(t);
    mkdirSync(dirname(join(home, file)), { recursive: true });
    writeFileSync(join(home, file), text);
    // On its first start, fish reads every manual page in a process that outlives it, unless these files exist.
    for (const data of [".local/share", ".cache"]) {
      mkdirSync(join(home, data, "fish/generated_completions"), { recursive: true });
    }
    const env = { ...process.env, HOME: home, ZDOTDIR: home, TERM: "dumb" };
    for (const variable of ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"]) delete env[variable];
    env.PATH = [dirname(python), process.env.PATH].join(delimiter);
    const local = ["--local", join(home, "logs.db")];
    for (const model of ["openai/gpt-4o-mini", "@cf/meta/llama-3.1-8b-instruct"]) {
      await run(join(dirname(python), PROGRAM), ["call", "chat_via_gateway", `model=${model}`, "prompt=Hi", ...local]);
    }

    const keys = `${PROGRAM} call ${local.join(" ")} list_lo\tsucc\tt\t model=@c\t --json\rexit\r`;
    const shown = await typed(shell, keys, env);

    const answer = JSON.parse(shown.split(/\r?\n/).findLast((line) => line.includes('{"summary"')).replace(/^[^{]*/, ""));
    assert.equal(answer.total_count, 1);
    assert.match(JSON.stringify(answer), /@cf\/meta\/llama-3\.1-8b-instruct/);
  });
}
