// The text of a file of rules: its rules, what they read, and the same text with fewer of them.

/** [{kind, name, text}]: each rule's lines in the text. */
export function rulesOf(text) {
  const lines = text.split('\n');
  const starts = lines.flatMap((line, at) => (/^ {6}- (record|alert): /.test(line) ? [at] : []));
  return starts.map((from) => {
    let to = from + 1;
    while (to < lines.length && /^ {8}/.test(lines[to])) to += 1;
    const [, kind, name] = /- (record|alert): "(.*)"/.exec(lines[from]);
    return { kind, name, text: lines.slice(from, to).join('\n') };
  });
}

/** The text with only the rules that pass, and without the groups that are empty then. */
export function rulesWith(text, keeps) {
  const [head, ...groups] = text.split(/^(?= {2}- name: )/m);
  return head + groups.map((group) => rulesOf(group).filter((rule) => !keeps(rule)).reduce((left, { text }) => left.replace(`${text}\n`, ''), group))
    .filter((group) => rulesOf(group).length > 0).join('');
}

/** The names of these rules and of all that they read, also through other records. */
export function readBy(names, all) {
  const needed = new Set(names);
  for (const name of needed) { // also those that are added on the way
    const { text } = all.find((one) => one.name === name);
    for (const one of all) if (one.kind === 'record' && text.includes(one.name)) needed.add(one.name);
  }
  return needed;
}
