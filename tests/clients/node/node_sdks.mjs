// The vendors' Node SDKs, each a streamed tool loop: `node node_sdks.mjs CASE BASE_URL KEY` prints the last answer.
const [name, base, key] = process.argv.slice(2);
const [ONE, TWO, THREE] = ["one-ran-ok", "two-ran-ok", "three-ran-ok"];
const PROMPT = `please [[fake:tool run {"cmd":"${ONE}"}]] [[fake:tool run {"cmd":"${TWO}"}]] [[fake:then run {"cmd":"${THREE}"}]]`;
const ran = (text) => JSON.parse(text).cmd;
const SCHEMA = { type: "object", properties: { cmd: { type: "string" } }, required: ["cmd"] };

const cases = {
  async "openai-chat"() {
    const { default: OpenAI } = await import("openai");
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: key });
    const tools = [{ type: "function", function: { name: "run", description: "run", parameters: SCHEMA } }];
    const messages = [{ role: "user", content: PROMPT }];
    for (let turn = 0; turn < 3; turn++) {
      const message = await client.chat.completions.stream({ model: "gpt-fake", messages, tools }).finalMessage();
      if (!message.tool_calls?.length) return message.content;
      messages.push({ role: "assistant", content: message.content, tool_calls: message.tool_calls });
      for (const call of message.tool_calls) messages.push({ role: "tool", tool_call_id: call.id, content: ran(call.function.arguments) });
    }
  },
  async "openai-responses"() {
    const { default: OpenAI } = await import("openai");
    const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: key });
    const tools = [{ type: "function", name: "run", description: "run", parameters: SCHEMA, strict: false }];
    const input = [{ role: "user", content: PROMPT }];
    for (let turn = 0; turn < 3; turn++) {
      const response = await client.responses.stream({ model: "gpt-fake", input, tools }).finalResponse();
      const calls = response.output.filter((item) => item.type === "function_call");
      if (!calls.length) return response.output_text;
      input.push(...response.output.filter((item) => item.type === "reasoning" || item.type === "function_call"));
      for (const call of calls) input.push({ type: "function_call_output", call_id: call.call_id, output: ran(call.arguments) });
    }
  },
  async anthropic() {
    const { default: Anthropic } = await import("@anthropic-ai/sdk");
    const client = new Anthropic({ baseURL: base, apiKey: key });
    const tools = [{ name: "run", description: "run", input_schema: SCHEMA }];
    const messages = [{ role: "user", content: PROMPT }];
    for (let turn = 0; turn < 3; turn++) {
      const message = await client.messages.stream({ model: "claude-fake", max_tokens: 500, messages, tools }).finalMessage();
      const calls = message.content.filter((block) => block.type === "tool_use");
      if (!calls.length) return message.content.map((block) => block.text ?? "").join("");
      messages.push({ role: "assistant", content: message.content });
      messages.push({ role: "user", content: calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: call.input.cmd })) });
    }
  },
  async "google-genai"() {
    const { GoogleGenAI } = await import("@google/genai");
    const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: base } });
    const config = { tools: [{ functionDeclarations: [{ name: "run", description: "run", parametersJsonSchema: SCHEMA }] }] };
    const contents = [{ role: "user", parts: [{ text: PROMPT }] }];
    for (let turn = 0; turn < 3; turn++) {
      const parts = [];
      for await (const chunk of await client.models.generateContentStream({ model: "gemini-fake", contents, config })) {
        parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
      }
      const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
      if (!calls.length) return parts.map((part) => part.text ?? "").join("");
      contents.push({ role: "model", parts });
      contents.push({ role: "user", parts: calls.map((call) => ({ functionResponse: { name: call.name, id: call.id, response: { result: call.args.cmd } } })) });
    }
  },
};
console.log((await cases[name]()) ?? "no end");
