// Changes of frames and whole answers.
export const map = (edit) => ({ edit: (frames) => frames.flatMap((frame, i, all) => edit(frame, i, all)) });
export const change = (edit) => map((frame) => { if (frame.data !== '[DONE]') edit(frame.data); return [frame]; });
export const drop = (test) => map((frame) => (test(frame) ? [] : [frame]));
export const whole = (edit) => ({ editWhole: (answer) => { edit(answer); return answer; } });
export const isText = (frame) => Boolean(frame.data.choices?.[0]?.delta?.content);
export const isFinish = (frame) => Boolean(frame.data.choices?.[0]?.finish_reason);
export const isRole = (frame) => Boolean(frame.data.choices?.[0]?.delta?.role);
export const chunk = (frame, delta, finish_reason = null) => ({ data: { ...frame.data, choices: [{ index: 0, delta, finish_reason }] } });
/** Only of frames of a stream with text. */
export const bytes = (edit) => ({ raw: (buffer, frame) => edit(buffer, frame) });
export const without = (...names) => ({ unchecked: names });
export const headless = (name) => ({ head200: (head) => { const { [name]: _, ...rest } = head; return rest; } });
export const headed = (more) => ({ head200: (head) => ({ ...head, ...more }) });
