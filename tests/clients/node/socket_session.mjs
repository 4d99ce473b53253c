// OpenAI's Node SDK over one WebSocket, a session of several turns with tool calls: `node socket_session.mjs BASE_URL KEY MODEL`.
// Run in the folder whose node_modules has `openai` and `ws`.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const OpenAI = require("openai").default;
const { ResponsesWS } = require("openai/resources/responses/ws");

const [base, key, model] = process.argv.slice(2);
const mark = "tool-ran-ok";
const prompt = `please [[fake:tool run {"cmd":"echo ${mark}"}]]`;
const tools = [
  {
    type: "function",
    name: "run",
    description: "run",
    parameters: { type: "object", properties: { cmd: { type: "string" } }, required: ["cmd"] },
    strict: false,
  },
];

const socket = new ResponsesWS(new OpenAI({ baseURL: `${base}/v1`, apiKey: key }));
socket.on("error", (error) => {
  console.error(`failed: ${error.message}`);
  process.exit(1);
});

let settle;
socket.on("response.completed", (event) => settle(event.response));
for (const kind of ["response.failed", "response.incomplete"]) {
  socket.on(kind, (event) => {
    console.error(`failed: ${JSON.stringify(event)}`);
    process.exit(1);
  });
}

function turn(members) {
  return new Promise((resolve) => {
    settle = resolve;
    socket.send({ type: "response.create", model, store: false, tools, ...members });
  });
}

let previous;
for (let round = 0; round < 3; round++) {
  let response = await turn({ input: [{ role: "user", content: prompt }], previous_response_id: previous });
  const outputs = response.output
    .filter((item) => item.type === "function_call")
    .map((call) => ({ type: "function_call_output", call_id: call.call_id, output: mark }));
  response = await turn({ input: outputs, previous_response_id: response.id });
  previous = response.id;
  const said = response.output.flatMap((item) => item.content ?? []).map((part) => part.text ?? "");
  console.log(`${round}: ${said.join("")}`);
}
socket.close();
