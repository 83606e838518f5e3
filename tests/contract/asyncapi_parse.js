// Parses an AsyncAPI document with the official parser and prints what it finds, as JSON.
// usage: node asyncapi_parse.js PARSER DOCUMENT; PARSER is the package's bundle, which has all of its
// dependencies in it. It is made for browsers: those call the global object `self`.
"use strict";
globalThis.self = globalThis;

const fs = require("node:fs");
const [bundle, file] = process.argv.slice(2);
const Parser = require(bundle);
const files = { schema: "file", canRead: true, read: (uri) => fs.readFileSync(uri.path(), "utf8") };
const parser = new Parser({ __unstable: { resolver: { resolvers: [files] } } });

parser.parse(fs.readFileSync(file, "utf8"), { source: file }).then(({ document, diagnostics }) => {
  const found = diagnostics.map(({ severity, code, message, path }) => {
    return { severity, code, message, path: path.join("/") };
  });
  const messages = document ? document.allMessages().map((message) => message.name()) : [];
  console.log(JSON.stringify({ diagnostics: found, messages }));
});
