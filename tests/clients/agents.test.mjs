// Coding agents, run headless through the local gateway with only simulated providers, with this server attached.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

import { account, folder, listening, python } from "./program.mjs";

const bin = new URL("node_modules/.bin/", import.meta.url).pathname;
const options = { timeout: 150_000 };
const NAME = "cloudflare-ai-gateway";
const PROMPT = "Say hello [simulate: call=list_logs]";

/** Each agent: its home's files, environment, command, the provider and model that it should reach, and what
 * joins its calls (Gemini CLI and Copilot CLI name no session). */
const AGENTS = {
  "Claude Code": {
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    session: "(session_id|the body's metadata.user_id)",
    files: ({ server }) => ({ "mcp.json": JSON.stringify({ mcpServers: { [NAME]: server } }) }),
    environment: ({ base }) => ({
      ANTHROPIC_BASE_URL: `${base}/anthropic`,
      ANTHROPIC_API_KEY: "sk-any",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      MCP_CONNECTION_NONBLOCKING: "0",
    }),
    command: ({ home, prompt }) => [
      "claude", "-p", prompt, "--model", "claude-sonnet-4-5", "--mcp-config", join(home, "mcp.json"), "--strict-mcp-config",
      "--allowedTools", `mcp__${NAME}__list_logs`,
    ],
  },
  Codex: {
    provider: "openai",
    model: "gpt-5-codex",
    session: "(session_id|the body's prompt_cache_key)",
    files: ({ base, server }) => ({
      ".codex/config.toml": [
        'model = "gpt-5-codex"',
        'model_provider = "gateway"',
        "check_for_update_on_startup = false",
        "[analytics]",
        "enabled = false",
        "[model_providers.gateway]",
        'name = "AI Gateway"',
        `base_url = "${base}/openai"`,
        'env_key = "OPENAI_API_KEY"',
        'wire_api = "responses"',
        `[mcp_servers.${NAME}]`,
        `command = ${JSON.stringify(server.command)}`,
        `args = ${JSON.stringify(server.args)}`,
        'default_tools_approval_mode = "approve"',
        "required = true",
        `[mcp_servers.${NAME}.env]`,
        ...Object.entries(server.env).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
      ].join("\n"),
    }),
    environment: () => ({ OPENAI_API_KEY: "sk-any" }),
    command: ({ prompt }) => ["codex", "exec", "--skip-git-repo-check", prompt],
  },
  "Gemini CLI": {
    provider: "google-ai-studio",
    model: "gemini-2.5-flash",
    files: ({ server }) => ({
      ".gemini/settings.json": JSON.stringify({
        security: { auth: { selectedType: "gemini-api-key" } },
        general: { enableAutoUpdate: false },
        privacy: { usageStatisticsEnabled: false },
        mcpServers: { [NAME]: { ...server, trust: true } },
      }),
    }),
    environment: ({ base }) => ({
      GOOGLE_GEMINI_BASE_URL: `${base}/google-ai-studio`,
      GEMINI_API_KEY: "any",
      GEMINI_CLI_TRUST_WORKSPACE: "true",
    }),
    command: ({ prompt }) => ["gemini", "-m", "gemini-2.5-flash", "--yolo", "-p", prompt],
  },
  OpenCode: {
    provider: "openai",
    model: "gpt-4o-mini",
    session: "session_id",
    files: ({ base, server }) => ({
      ".config/opencode/opencode.json": JSON.stringify({
        autoupdate: false,
        share: "disabled",
        model: "gateway/gpt-4o-mini",
        small_model: "gateway/gpt-4o-mini",
        permission: { "*": "allow" },
        provider: {
          gateway: {
            npm: "@ai-sdk/openai-compatible",
            options: { baseURL: `${base}/openai`, apiKey: "sk-any" },
            models: { "gpt-4o-mini": {} },
          },
        },
        mcp: { [NAME]: { type: "local", command: [server.command, ...server.args], environment: server.env } },
      }),
    }),
    environment: () => ({ OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" }),
    command: ({ prompt }) => ["opencode", "run", prompt],
  },
  "Copilot CLI": {
    provider: "openai",
    model: "gpt-4o-mini",
    files: ({ server }) => ({
      ".copilot/mcp-config.json": JSON.stringify({ mcpServers: { [NAME]: { type: "local", tools: ["*"], ...server } } }),
    }),
    environment: ({ base }) => ({
      COPILOT_OFFLINE: "true",
      COPILOT_PROVIDER_BASE_URL: `${base}/openai`,
      COPILOT_PROVIDER_API_KEY: "sk-any",
      COPILOT_MODEL: "gpt-4o-mini",
    }),
    command: ({ prompt }) => ["copilot", "-p", prompt, "--allow-all-tools"],
  },
};

for (const [name, agent] of Object.entries(AGENTS)) {
  test(`${name} is answered, calls list_logs when the model is told to, and is logged with model, tokens and cost`, options, async (t) => {
    const home = folder(t);
    const url = await listening(t, "gateway", "--db", join(home, "gateway.db"));
    const base = `${url}/v1/${account}/default`;
    const server = {
      command: python,
      args: ["-m", "cf_aig_server", "serve"],
      env: {
        CLOUDFLARE_BASE_URL: `${url}/client/v4`,
        AI_GATEWAY_BASE_URL: `${url}/v1`,
        CLOUDFLARE_ACCOUNT_ID: account,
        CLOUDFLARE_API_TOKEN: "any",
      },
    };
    for (const [path, text] of Object.entries(agent.files({ base, server }))) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), text);
    }
    const environment = { PATH: process.env.PATH, HOME: home, ...agent.environment({ base }) };

    const said = await run(t, home, agent.command({ home, prompt: PROMPT }), environment);

    const logs = await stored(url, "?per_page=50");
    assert.match(said, /Simulated /, said);
    for (const log of logs) {
      assert.equal(log.model, `${agent.provider}/${agent.model}`);
      assert.equal(log.success, true, JSON.stringify(log));
      assert.ok(log.tokens_in > 0 && log.tokens_out > 0 && log.cost > 0, JSON.stringify(log));
    }
    const asked = await Promise.all(logs.map((log) => stored(url, `/${log.id}/request`)));
    const told = asked.some((body) => / logs? (of|in) gateway default/.test(JSON.stringify(body)));
    assert.ok(told, `no request holds the tool's result\n${said}`);
    await isTraced(server, logs, agent.session);
  });
}

/** From the log of any call with the prompt, its run is found, with the tool that was called. */
async function isTraced(server, logs, session) {
  const client = new Client({ name: "agents", version: "1" });
  await client.connect(new StdioClientTransport({ ...server, env: { ...process.env, ...server.env } }));
  try {
    for (const { id } of logs) {
      const { content } = await client.callTool({ name: "trace_run", arguments: { log_id: id, budget: 10_000 } });
      const [{ text }] = content;
      if (session) assert.match(text, new RegExp(`Run of ${logs.length} calls .*joined by ${session}`), text);
      else if (text.startsWith("Run of")) assert.match(text, /list_logs\(/, text);
    }
  } finally {
    await client.close();
  }
}

/** The API's answer to a path below the gateway's logs. */
async function stored(url, path) {
  const answer = await fetch(`${url}/client/v4/accounts/${account}/ai-gateway/gateways/default/logs${path}`, {
    headers: { authorization: "Bearer any" },
  });
  const body = await answer.json();
  return body.result ?? body;
}

/** Run an agent in an empty folder until it ends; return everything it printed. */
async function run(t, home, [program, ...rest], env) {
  const cwd = join(home, "project");
  mkdirSync(cwd);
  const child = spawn(join(bin, program), rest, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  t.after(() => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // all of its process group ended by itself
    }
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (said += part));
  const code = await new Promise((done) => child.once("exit", done));
  assert.equal(code, 0, said);
  return said;
}
