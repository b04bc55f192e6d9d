#!/usr/bin/env node
// Raw logits of the official llama.cpp build, for check_peer.py and check_peer_lora.py. Reads jobs as
// JSON on stdin, [{model, tokens, out, lora}], and writes each job's logits as float32 [tokens, vocab]
// to `out`. `lora` may be left out; it lists adapters, [{filePath, scale}].
// Needs node-llama-cpp in the folder that LLMC_PEER names (see README.md).
import fs from "node:fs";
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const require = createRequire(process.env.LLMC_PEER + "/x.js");
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")).href);
const llama = await getLlama({gpu: false, build: "never", logLevel: "error"});
for (const job of JSON.parse(fs.readFileSync(0, "utf8"))) {
    const model = await llama.loadModel({modelPath: job.model});
    const context = await model.createContext({  // flash attention rounds to F16
        contextSize: Math.max(256, job.tokens.length + 8), threads: 2, flashAttention: false,
        experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32",
        lora: job.lora ? {adapters: job.lora} : undefined
    });
    const sequence = context.getSequence();
    const wanted = {generateNext: {logits: true}};
    const result = await sequence.controlledEvaluate(job.tokens.map((t) => [t, wanted]));
    const vocab = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
    const rows = new Float32Array(job.tokens.length * vocab).fill(NaN);
    result.forEach((r, i) => r.next.logits.forEach((z, token) => { rows[i * vocab + token] = z; }));
    fs.writeFileSync(job.out, rows);
    await model.dispose();
}
process.exit(0);
