// Drives the language server of YAML over stdio: opens each text of stdin's JSON with our schema, and prints what it
// diagnoses, what it completes, and what the text is with each completion inserted. Without a schema of ours a text has to name it.
"use strict";
const { spawn } = require("node:child_process");
const { readFileSync } = require("node:fs");

const [server, schema] = process.argv.slice(2);
const tasks = JSON.parse(readFileSync(0, "utf8"));
const child = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });

let last = 0;
const waiting = new Map();
const diagnosed = new Map();
const write = (message) => {
  const text = JSON.stringify({ jsonrpc: "2.0", ...message });
  child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
};
const ask = (method, params) => new Promise((resolve) => {
  last += 1;
  waiting.set(last, resolve);
  write({ id: last, method, params });
});
const settings = {
  yaml: { schemas: schema ? { [`file://${schema}`]: "*.yaml" } : {}, validate: true, completion: true, hover: true, schemaStore: { enable: false } },
};
const answer = (message) => {
  if (message.method === "textDocument/publishDiagnostics") {
    const { uri, diagnostics } = message.params;
    diagnosed.get(uri)?.(diagnostics.map(({ message: text, range, severity }) => ({ text, line: range.start.line, severity })));
  } else if (message.method === "workspace/configuration") {
    write({ id: message.id, result: message.params.items.map(({ section }) => settings[section] ?? {}) });
  } else if (message.method && message.id !== undefined) {
    write({ id: message.id, result: null });
  } else if (waiting.has(message.id)) {
    waiting.get(message.id)(message.result);
    waiting.delete(message.id);
  }
};
let buffer = Buffer.alloc(0);
child.stdout.on("data", (data) => {
  buffer = Buffer.concat([buffer, data]);
  for (;;) {
    const head = buffer.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, head).toString())[1]);
    if (buffer.length < head + 4 + length) return;
    const body = buffer.subarray(head + 4, head + 4 + length).toString();
    buffer = buffer.subarray(head + 4 + length);
    answer(JSON.parse(body));
  }
});

// A snippet as it stands once its places are left as they are offered.
const plain = (snippet) => {
  let text = snippet;
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(/\$\{\d+:([^${}]*)\}/g, "$1").replace(/\$\{\d+\|([^,|]*)[^}]*\}/g, "$1");
  }
  return text.replace(/\$\{\d+\}|\$\d+/g, "").replaceAll("\\$", "$").replaceAll("\\}", "}");
};
const inserted = (text, item, { line, character }) => {
  const lines = text.split("\n");
  const range = item.textEdit?.range ?? { start: { line, character }, end: { line, character } };
  const edit = plain(item.textEdit?.newText ?? item.insertText ?? item.label);
  const before = [...lines.slice(0, range.start.line), lines[range.start.line].slice(0, range.start.character)].join("\n");
  const after = [lines[range.end.line].slice(range.end.character), ...lines.slice(range.end.line + 1)].join("\n");
  // An editor indents what follows the first line as the line is indented, unless it is told that it stands as it is.
  const indent = item.insertTextMode === 1 ? "" : /^ */.exec(lines[range.start.line])[0];
  return before + edit.replaceAll("\n", `\n${indent}`) + after;
};

(async () => {
  await ask("initialize", {
    processId: process.pid,
    rootUri: null,
    capabilities: {
      textDocument: { completion: { completionItem: { snippetSupport: true, insertTextModeSupport: { valueSet: [1, 2] } } }, publishDiagnostics: {} },
      workspace: { configuration: true },
    },
  });
  write({ method: "initialized", params: {} });
  write({ method: "workspace/didChangeConfiguration", params: { settings } });
  const found = [];
  for (const [at, { text, position }] of tasks.entries()) {
    const uri = `file:///task-${at}.yaml`;
    const told = new Promise((resolve) => diagnosed.set(uri, resolve));
    write({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
    const diagnostics = await told;
    let completions = [];
    if (position) {
      const listed = await ask("textDocument/completion", { textDocument: { uri }, position });
      const items = Array.isArray(listed) ? listed : (listed?.items ?? []);
      completions = items.map((item) => ({ label: item.label, kind: item.kind, text: inserted(text, item, position) }));
    }
    found.push({ diagnostics, completions });
  }
  await ask("shutdown");
  write({ method: "exit" });
  process.stdout.write(JSON.stringify(found));
})();
