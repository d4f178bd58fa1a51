// A chat page as the AI SDK's documentation builds one. Its address says how:
//   id       the chat               api      another origin to call (else its own)
//   named    routes with the chat in the path, and only the last message sent
//   store    local: keeps its messages in the browser; server: asks the lane for them
//   resume=0 does not resume        auto     sends by itself once: tools | approvals
//   accept   x-oa-accept header     remount  when the network is back, begins the chat anew (else resumes)
import * as ai from 'sdk-ai';
import { useChat } from 'sdk-react';
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

const q = new URLSearchParams(location.search);
const id = q.get('id');
const base = q.get('api') ?? '';
const headers = q.has('accept') ? { 'x-oa-accept': q.get('accept') } : undefined;
const slot = `chat:${id}`;

// How many requests the page has under way, for who waits for it to come to rest; a page that resumes
// rests after that. A request is over once its answer is read, not when it begins: AI SDK 7 shows
// `submitted` a moment late, and a decision taken while a resume tells its message again is written over.
document.body.dataset.requests = q.get('resume') === '0' ? 0 : '';
function under(way) { document.body.dataset.requests = Number(document.body.dataset.requests) + way; }
const over = () => setTimeout(under, 0, -1); // after the client took what came
async function counted(...request) {
  under(+1);
  const answer = await fetch(...request).catch((why) => { over(); throw why; });
  if (answer.status === 204) { over(); return answer; }
  const { readable, writable } = new TransformStream(); // holds no more than a chunk
  answer.body.pipeTo(writable).catch(() => {}).finally(over);
  return new Response(readable, answer);
}

function transport() {
  if (!q.has('named')) return new ai.DefaultChatTransport({ api: `${base}/api/chat`, headers, fetch: counted });
  const api = `${base}/api/chats/${id}/stream`;
  return new ai.DefaultChatTransport({
    headers,
    fetch: counted,
    prepareSendMessagesRequest: ({ id, messages, trigger, messageId }) => ({ api, body: { id, message: messages.at(-1), trigger, messageId } }),
    prepareReconnectToStreamRequest: () => ({ api }),
  });
}

const AUTO = {
  tools: ai.lastAssistantMessageIsCompleteWithToolCalls,
  approvals: ai.lastAssistantMessageIsCompleteWithApprovalResponses,
};

async function stored() {
  if (q.get('store') === 'local') return JSON.parse(localStorage.getItem(slot) ?? '[]');
  if (q.get('store') !== 'server') return [];
  const answer = await fetch(`${base}/api/chats/${id}/messages`);
  return answer.ok ? (await answer.json()).data : [];
}

function Part({ part, chat }) {
  const tool = part.toolCallId !== undefined;
  return (
    <div className="part" data-type={part.type} data-state={part.state} data-call={part.toolCallId}>
      <span>{part.text ?? (tool ? JSON.stringify({ input: part.input, output: part.output, error: part.errorText }) : '')}</span>
      {part.state === 'approval-requested' && (
        <>
          <button className="accept" onClick={() => chat.addToolApprovalResponse({ id: part.approval.id, approved: true })}>allow</button>
          <button className="deny" onClick={() => chat.addToolApprovalResponse({ id: part.approval.id, approved: false })}>deny</button>
        </>
      )}
    </div>
  );
}

function Page({ messages: first, anew }) {
  const [text, setText] = useState('');
  const [chat0] = useState(() => ({ id, messages: first, transport: transport(), resume: q.get('resume') !== '0', sendAutomaticallyWhen: AUTO[q.get('auto')] }));
  const chat = useChat(chat0);
  const { messages, status, error } = chat;
  useEffect(() => {
    window.lab.chat = chat;
    if (q.get('store') === 'local') localStorage.setItem(slot, JSON.stringify(messages));
  });
  useEffect(() => {
    const back = () => (q.has('remount') ? anew(window.lab.chat.messages) : chat.resumeStream());
    addEventListener('online', back);
    return () => removeEventListener('online', back);
  }, []);
  const take = () => { setText(''); return { text }; };
  return (
    <main data-status={status}>
      <p role="alert">{error?.message}</p>
      {messages.map((m) => (
        <article key={m.id} data-id={m.id} data-role={m.role} data-metadata={JSON.stringify(m.metadata ?? null)}>
          {m.parts.map((part, n) => <Part key={n} part={part} chat={chat} />)}
          {m.role === 'user' && <button className="edit" onClick={() => chat.sendMessage({ ...take(), messageId: m.id })}>edit</button>}
        </article>
      ))}
      <textarea value={text} onChange={(event) => setText(event.target.value)} />
      <button id="send" onClick={() => chat.sendMessage(take())}>send</button>
      <button id="stop" onClick={() => chat.stop()}>stop</button>
      <button id="halt" onClick={() => fetch(`${base}/api/chats/${id}/stop`, { method: 'POST' })}>stop for all</button>
      <button id="instead" onClick={() => { chat.stop(); chat.sendMessage(take()); }}>send instead</button>
      <button id="again" onClick={() => chat.regenerate()}>again</button>
    </main>
  );
}

/** What a person sees, read from the document. */
function read() {
  const main = document.querySelector('main');
  return main && {
    status: main.dataset.status,
    asking: document.body.dataset.requests !== '0',
    error: document.querySelector('[role=alert]').textContent,
    messages: [...document.querySelectorAll('article')].map((m) => {
      const parts = [...m.querySelectorAll('.part')].map((p) => ({ type: p.dataset.type, state: p.dataset.state, call: p.dataset.call, text: p.firstChild.textContent }));
      return {
        id: m.dataset.id, role: m.dataset.role, metadata: JSON.parse(m.dataset.metadata), parts,
        text: parts.filter((p) => p.type === 'text').map((p) => p.text).join('|'),
      };
    }),
  };
}

function until(holds, args, ms) {
  return new Promise((done, fail) => {
    const look = () => {
      const shown = read();
      if (!shown || !holds(shown, ...args)) return;
      clearTimeout(timer);
      watch.disconnect();
      done(shown);
    };
    const timer = setTimeout(() => { watch.disconnect(); fail(new Error(`never: ${holds} ${JSON.stringify(args)}\nshown: ${JSON.stringify(read()).slice(0, 4000)}`)); }, ms);
    const watch = new MutationObserver(look);
    watch.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    look();
  });
}

window.lab = { read, until };

function App({ messages }) {
  const [life, setLife] = useState({ n: 0, messages });
  return <Page key={life.n} messages={life.messages} anew={(messages) => setLife({ n: life.n + 1, messages })} />;
}
createRoot(document.body.appendChild(document.createElement('div'))).render(<StrictMode><App messages={await stored()} /></StrictMode>);
