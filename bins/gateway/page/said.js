// The answer as it was given: evidence marked with the letters of its items, and what the model was not shown struck out.
import { h } from './dom.js';
import { t } from './language.js';

/** The sign of an item, in the list and in the text. */
export const letter = (index) => String.fromCharCode(65 + (index % 26));

export function saidView([text, scored, items, withheld, language]) {
  // Offsets count in the text that was scored.
  const whole = scored || text;
  const title = h('h4', null, t('answer.text'));
  if (!whole) return [title, h('p', { class: 'soft' }, t('answer.text.none'))];
  const changed = Boolean(scored) && Boolean(text) && scored !== text;
  const pieces = cut(whole, items ?? [], withheld ?? []);
  return [title, changed && h('p', { class: 'soft' }, t('answer.text.changed')),
    h('blockquote', { lang: language }, pieces.map((piece) => draw(piece, items ?? []))),
    (withheld ?? []).length > 0 && h('p', { class: 'soft note' }, t('answer.withheld.more'))];
}

function draw({ text, letters, kept }, items) {
  if (kept) return h('del', { title: t('answer.withheld') }, h('span', { class: 'hidden' }, `[${t('answer.withheld')}: `), text, h('span', { class: 'hidden' }, ']'));
  if (letters.length === 0) return text;
  const titles = letters.map((index) => items[index].title).join(', ');
  // The letters stand at the last word, on its line: a word joiner before them, and the space after.
  const words = text.trimEnd();
  return h('mark', { title: t('answer.quote', { titles }) }, words, '\u2060', h('sup', { 'aria-hidden': 'true' }, letters.map(letter).join('')), text.slice(words.length));
}

/**
 * The text in pieces that are all alike inside: which items they are evidence for, and whether they were kept from the model.
 * Offsets count Unicode scalar values, as `Array.from` does; quotes that were not verified are not marked.
 */
export function cut(whole, items, withheld) {
  const characters = Array.from(whole);
  const quotes = items.flatMap((item, index) => item.evidence.filter((one) => one.verified).map(({ start, end }) => ({ start, end, index })));
  const spans = [...quotes, ...withheld].filter(({ start, end }) => start >= 0 && start < end && end <= characters.length);
  const cuts = [...new Set([0, characters.length, ...spans.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, at) => {
    const end = cuts[at + 1];
    const covers = (span) => span.start <= start && end <= span.end;
    const letters = [...new Set(quotes.filter(covers).map(({ index }) => index))];
    return { text: characters.slice(start, end).join(''), letters, kept: withheld.some(covers) };
  });
}
