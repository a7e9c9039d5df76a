// One answer: what was asked and how it sounded, what was said with its evidence marked, what it came to and why.
import { audioPart } from './audio.js';
import { h, part } from './dom.js';
import { lasting, moment, named, number, percent, t } from './language.js';
import { fact } from './prose.js';
import { reviewPart } from './review.js';
import { letter, saidView } from './said.js';
import { standing } from './standing.js';

export function cardView(answer, context) {
  const name = `question-${answer.transcript_id}`;
  const head = part(h('div', { class: 'asked' }), ({ answer: { stage, question }, number: n, language }) => [n, stage, question, language], ([n, stage, question, language]) => [
    h('p', { class: 'kicker' }, `${t('answer.question', { n })} · ${named('stage', stage)}`),
    h('h3', { id: name, lang: language }, question),
  ]);
  const score = part(h('div', { class: 'score' }), ({ answer: found, state }) => [standing(found, state), found.evaluation?.status, found.evaluation?.total, found.evaluation?.expected_total, found.evaluation?.confidence], scoreView);
  const audio = audioPart(answer, context);
  const said = part(h('div', { class: 'said' }), ({ answer: found, language }) => [found.text, found.evaluation?.answer, found.evaluation?.items, found.evaluation?.withheld, language], saidView);
  const judged = part(h('div', { class: 'judged' }), ({ answer: found }) => found.evaluation, judgedView);
  const review = reviewPart(context);
  const record = part(h('div'), ({ answer: found }) => found.evaluation && [found.evaluation.evaluation_id, found.evaluation.provenance, found.evaluation.confidence], recordView);
  const parts = [head, score, audio, said, judged, review, record];
  const node = h('article', { class: 'panel card', id: `answer-${answer.transcript_id}`, 'aria-labelledby': name },
    h('header', null, head.node, score.node), audio.node, said.node, judged.node, review.node, record.node);
  let kind;
  const update = (item) => {
    const now = standing(item.answer, item.state).kind;
    if (kind !== undefined && kind !== now && now !== 'waiting') node.classList.add('arrived');
    kind = now;
    node.dataset.kind = now;
    node.dataset.status = item.answer.evaluation?.status ?? '';
    for (const one of parts) one.update(item);
  };
  return { node, update };
}

function scoreView([now, status, total, expected, confidence]) {
  if (now.kind === 'waiting') return h('p', { class: 'wait' }, t('answer.waiting'));
  if (now.kind === 'open') return h('p', { class: 'soft' }, t('answer.open'));
  if (now.total === null) return [h('p', { class: 'figure none' }, t('answer.no-score')), h('p', { class: 'soft' }, t(now.kind === 'failed' ? 'count.failed' : 'count.insufficient'))];
  const figure = h('p', { class: 'figure' }, number(now.total), h('small', null, ` / ${number(now.max)}`));
  if (now.kind === 'person') {
    return [figure, h('p', null, t('answer.by-person')), h('p', { class: 'soft' }, status === 'scored' ? t('answer.model-score', { n: number(total) }) : t('answer.model-none'))];
  }
  const more = [typeof expected === 'number' && t('answer.expected', { n: number(expected, 1) }), confidence && t('answer.confidence', { n: percent(confidence.value) })].filter(Boolean);
  return [figure, now.band && h('p', null, h('span', { class: 'chip' }, named('band', now.band))), more.map((line) => h('p', { class: 'soft' }, line))];
}

function judgedView(found) {
  if (!found) return null;
  const language = found.language;
  const why = found.status !== 'scored' && h('div', { class: 'why' },
    h('p', null, h('b', null, t(found.status === 'failed' ? 'answer.failed' : 'answer.insufficient')), found.reason && h('span', { lang: language }, ` — ${found.reason.detail}`)),
    found.status === 'failed' && h('p', { class: 'soft' }, t('answer.failed.more')));
  // A record without a score has no items; were there any, they would not be shown.
  const items = found.status === 'scored' && found.items.length > 0 && [
    h('h4', null, t('answer.items')), h('ul', { class: 'items', lang: language }, found.items.map(itemView))];
  const feedback = found.status === 'scored' && found.feedback && [h('h4', null, t('answer.feedback')), h('p', { class: 'feedback', lang: language }, found.feedback)];
  const warnings = found.warnings?.length > 0 && h('div', { class: 'warnings' },
    h('h4', null, t('answer.warnings')), h('ul', { lang: language }, found.warnings.map((one) => h('li', null, one.detail))));
  return [why, items, feedback, warnings, spoken(found.speech)];
}

function itemView(item, index) {
  const expected = typeof item.expected === 'number';
  return h('li', null,
    h('span', { class: 'name' }, h('span', { class: 'letter', 'aria-hidden': 'true' }, letter(index)), item.title, item.evidence.length === 0 && h('span', { class: 'soft' }, ` · ${t('answer.item.none')}`)),
    h('span', { class: 'points' }, h('b', null, number(item.score)), ` / ${number(item.max)}`, expected && h('span', { class: 'soft' }, ` · ${t('answer.item.expected', { n: number(item.expected, 1) })}`)),
    h('span', { class: 'bar', 'aria-hidden': 'true', share: item.score / item.max },
      expected && h('span', { class: 'tick', mark: item.expected / item.max })));
}

function spoken(speech) {
  if (!speech || !speech.characters) return null;
  const fillers = Object.entries(speech.fillers ?? {}).map(([word, n]) => `${word} ${number(n)}`).join(', ');
  const facts = [t('answer.characters', { n: number(speech.characters) }), t('answer.words', { n: number(speech.words) }),
    fillers && t('answer.fillers', { list: fillers }), speech.seconds && lasting(speech.seconds * 1000),
    speech.characters_per_second && t('answer.pace', { n: number(speech.characters_per_second, 1) })].filter(Boolean);
  return h('p', { class: 'soft spoken' }, `${t('answer.spoken')}: ${facts.join(' · ')}. ${t('answer.spoken.more')}`);
}

function recordView(found) {
  if (!found) return null;
  const [id, provenance, confidence] = found;
  const method = confidence && t(`method.${confidence.method}`, { totals: (confidence.totals ?? []).map((total) => number(total)).join(', ') });
  return h('details', { class: 'record' }, h('summary', null, t('answer.record')), h('dl', { class: 'facts' },
    fact('made.record', h('code', null, id)),
    provenance && [fact('made.model', provenance.model?.name, provenance.model?.sha256), fact('made.engine', provenance.model?.engine),
      fact('made.prompt', provenance.prompt_version), provenance.sampling && fact('made.seed', String(provenance.sampling.seed)),
      fact('made.worker', provenance.worker_id), provenance.finished_at && fact('made.finished', moment(provenance.finished_at))],
    method && fact('made.method', method)));
}
