// The written parts of a report: notices, summary, what is missing, how it was made.
import { h, part } from './dom.js';
import { named, number, t } from './language.js';
import { standing } from './standing.js';

export function noticesPart() {
  return part(h('div', { class: 'notices' }), (doc) => [doc.notices ?? [], doc.language], ([notices, language]) =>
    notices.map((notice) => h('p', { class: 'notice' }, h('b', null, t('notice')), ' ', h('span', { lang: language }, notice.detail))));
}

export function summaryPart() {
  const select = ({ state, summary, strengths, improvements, language }) => ({ state, summary, strengths: strengths ?? [], improvements: improvements ?? [], language });
  return part(h('section', { 'aria-labelledby': 'summary-title' }), select, ({ state, summary, strengths, improvements, language }) => {
    const written = summary || strengths.length > 0 || improvements.length > 0;
    if (!written && state !== 'ready') return null;
    const points = (key, found) => found.length > 0 && h('div', null, h('h3', null, t(key)), h('ul', { lang: language }, found.map((one) => h('li', null, one))));
    return [h('h2', { id: 'summary-title' }, t('summary.title')),
      h('div', { class: 'panel prose' },
        written ? summary && h('p', { class: 'summary', lang: language }, summary) : h('p', { class: 'soft' }, t('summary.none')),
        written && h('div', { class: 'two' }, points('summary.strengths', strengths), points('summary.improvements', improvements)))];
  });
}

export function missingPart() {
  const select = (doc) => {
    if (doc.state !== 'ready') return null;
    const without = doc.answers.flatMap((answer, index) => {
      const { kind } = standing(answer, doc.state);
      return kind === 'scored' || kind === 'person' ? [] : [{ n: index + 1, id: answer.transcript_id, kind, reason: answer.evaluation?.reason?.detail ?? null }];
    });
    return { without, stages: doc.missing_stages ?? [], areas: (doc.areas ?? []).filter((area) => typeof area.score !== 'number').map((area) => area.title), language: doc.language };
  };
  return part(h('section', { 'aria-labelledby': 'missing-title' }), select, (missing) => {
    if (!missing) return null;
    const { without, stages, areas, language } = missing;
    const words = { insufficient: 'answer.insufficient', failed: 'answer.failed', waiting: 'answer.waiting', open: 'answer.open' };
    const answer = ({ n, id, kind, reason }) => h('li', null, h('a', { href: `#answer-${id}` }, t('answer.question', { n })), `: ${t(words[kind])}`,
      reason && h('span', { class: 'soft', lang: language }, ` (${reason})`));
    const nothing = without.length === 0 && stages.length === 0 && areas.length === 0;
    return [h('h2', { id: 'missing-title' }, t('missing.title')),
      h('div', { class: 'panel prose' }, nothing ? h('p', null, t('missing.nothing')) : h('dl', { class: 'facts' },
        without.length > 0 && [h('dt', null, t('missing.answers')), h('dd', null, h('ul', null, without.map(answer)))],
        stages.length > 0 && [h('dt', null, t('missing.stages')), h('dd', null, stages.map((id) => named('stage', id)).join(', '))],
        areas.length > 0 && [h('dt', null, t('missing.areas')), h('dd', { lang: language }, areas.join(', '))]))];
  });
}

export function madePart() {
  return part(h('section', { 'aria-labelledby': 'made-title' }), (doc) => [doc.model, doc.rubric, doc.state], ([model, rubric, state]) => {
    if (state === 'none') return null;
    return [h('h2', { id: 'made-title' }, t('made.title')),
      h('div', { class: 'panel prose made' },
        ['made.1', 'made.2', 'made.3', 'made.4'].map((key) => h('p', null, t(key))),
        h('dl', { class: 'facts' },
          fact('made.model', model && [model.name, model.quantisation].filter(Boolean).join(' · '), model?.sha256),
          model?.parameters && fact('made.size', size(model.parameters)),
          fact('made.rubric', rubric && t('made.version', { id: rubric.id, version: rubric.version }), rubric?.sha256),
          fact('made.engine', model?.engine),
          model?.numeric_class && fact('made.class', model.numeric_class)))];
  });
}

/** 4.3 billion, which Korean counts as 43 times a hundred million. */
function size(parameters) {
  const isKorean = document.documentElement.lang === 'ko';
  return t('made.size.n', { n: number(parameters / (isKorean ? 1e8 : 1e9), isKorean ? 0 : 1) });
}

export function fact(key, value, sha256) {
  return [h('dt', null, t(key)), h('dd', null, value || h('span', { class: 'soft' }, t('made.unknown')),
    sha256 && h('code', { title: t('made.file') }, sha256))];
}
