// What a node server does with the body of a chat before a model is asked: JSON.parse, and the
// conversion of `ai` into a model's messages. No bounds, no check of the thread.
//
//   node node_bodies.mjs      prints "LISTENING <port>"
import http from 'node:http';
import { convertToModelMessages } from 'ai';

async function answer(request, response) {
  if (request.method === 'GET') return response.end('ok');
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  try {
    const { messages } = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    const converted = await convertToModelMessages(messages);
    return response.end(String(converted.length));
  } catch (error) {
    response.statusCode = 400;
    return response.end(String(error.message).slice(0, 200));
  }
}

const server = http.createServer((request, response) => { void answer(request, response); });
server.listen(0, '127.0.0.1', () => console.log(`LISTENING ${server.address().port}`));
