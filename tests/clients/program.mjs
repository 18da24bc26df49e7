// The program under test, started as its users start it, and stopped again.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const root = new URL("../..", import.meta.url).pathname;
export const python = process.env.PYTHON ?? join(root, ".venv/bin/python");
export const account = "0".repeat(32);

export function folder(test) {
  const path = mkdtempSync(join(tmpdir(), "ai-gateway-clients-"));
  test.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Start a command of the program that listens on a port; returns its base URL once it does. */
export async function listening(test, command, ...options) {
  const port = await freePort();
  return started(test, port, "-m", "cf_aig_server", command, "--port", String(port), ...options);
}

/** Start a Python server on the port; returns its base URL once it listens. */
export async function started(test, port, ...program) {
  const child = spawn(python, program, { stdio: "inherit" });
  const ended = new Promise((done) => child.once("exit", done));
  test.after(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  for (let tries = 0; tries < 200; tries += 1) {
    if (await answers(port)) return `http://127.0.0.1:${port}`;
    await pause(50);
  }
  throw new Error(`${program.join(" ")} does not listen`);
}

function answers(port) {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), done(true)));
    socket.once("error", () => done(false));
  });
}
