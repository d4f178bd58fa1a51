// Faults of failed and cut streams of chat completions.
export const TURNS_COMPLETIONS = {
  '[DONE] behind an error': { failure: 'error and [DONE]' },
  'a failed stream ends with another word': { failure: 'word' },
  'an error behind the finish': { failure: 'finish and error' },
  'diagnostics are content': { failure: 'diagnostics' },
  'an empty answer is null': { editWhole: (answer) => { const message = answer.choices[0].message; if (message.content === '') message.content = null; return answer; } },
};
