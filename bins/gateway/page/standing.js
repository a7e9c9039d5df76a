// What an answer has come to. Promises that only a scored answer, or one that a person scored, ever yields a number.
import { named, number, t } from './language.js';

/** {kind, total, max, band}: kind is `scored`, `person`, `insufficient`, `failed`, `waiting` or `open`. */
export function standing(answer, state) {
  const found = answer.evaluation;
  if (!found) return { kind: state === 'pending' ? 'waiting' : 'open', total: null };
  const byPerson = found.human_review?.total;
  if (typeof byPerson === 'number') return { kind: 'person', total: byPerson, max: found.max, band: null };
  if (found.status === 'scored' && typeof found.total === 'number') return { kind: 'scored', total: found.total, max: found.max, band: found.band };
  return { kind: found.status === 'insufficient_evidence' ? 'insufficient' : 'failed', total: null };
}

/** The same in a few words, for a screen reader and for lists. */
export function inWords(now) {
  const words = { waiting: 'answer.waiting', open: 'answer.open', insufficient: 'answer.insufficient', failed: 'answer.failed' };
  if (words[now.kind]) return t(words[now.kind]);
  const points = t('answer.points.of', { n: number(now.total), max: number(now.max) });
  if (now.kind === 'person') return `${t('answer.by-person')}, ${points}`;
  return now.band ? `${points}, ${named('band', now.band)}` : points;
}

/** How many answers ended how. */
export function counts(doc) {
  const all = { scored: 0, insufficient: 0, failed: 0, waiting: 0, open: 0, reviewed: 0 };
  for (const answer of doc.answers) {
    const { kind } = standing(answer, doc.state);
    all[kind === 'person' ? 'scored' : kind] += 1;
    if (answer.evaluation?.human_review) all.reviewed += 1;
  }
  return all;
}
