// The head of a report: whose, how far, the overall score, and the button that asks for it.
import { fill, h, part } from './dom.js';
import { lasting, named, number, t } from './language.js';
import { counts } from './standing.js';
import { trouble } from './states.js';

export function headPart(context) {
  const title = part(h('div'), (doc) => [doc.interview_id, doc.position, doc.language], ([id, position, language]) => [
    h('p', { class: 'kicker' }, `${t('report.kind')} · ${t('report.number', { id })}`),
    h('h1', position ? { lang: language } : null, position || t('list.untitled')),
  ]);
  const state = part(h('div', { class: 'state' }), stateOf, (now) => stateView(now, context));
  const score = part(h('div', { class: 'overall' }), (doc) => [doc.overall, doc.band, doc.state], overall);
  const numbers = part(h('dl', { class: 'counts' }), (doc) => counts(doc), (all) => countsView(all));
  const node = h('section', { class: 'report-head' },
    h('div', { class: 'title' }, title.node, h('div', { class: 'tools' }, context.live, h('button', { class: 'quiet print', onclick: () => window.print() }, t('report.print')))),
    h('div', { class: 'panel lead' }, score.node, h('div', { class: 'progress' }, state.node, numbers.node)));
  const update = (doc) => [title, state, score, numbers].forEach((one) => one.update(doc));
  return { node, update };
}

const stateOf = (doc) => ({ state: doc.state, complete: doc.complete, problem: doc.problem, ...doc.progress });

function stateView(now, context) {
  const { state, complete, answers, evaluated } = now;
  const line = (key) => h('p', { class: 'line' }, h('b', null, t(key)));
  if (state === 'none') {
    return [line('report.none'), h('p', { class: 'soft' }, t(context.staff ? 'report.none.staff' : 'report.none.candidate')), context.staff && askButton('report.request', context)];
  }
  if (state === 'failed') {
    const found = now.problem?.problem ?? now.problem;
    const problem = found && h('p', { class: 'error', lang: 'en' }, found.detail ?? found.title ?? '');
    return [line('report.failed'), problem, h('p', { class: 'soft' }, t('report.failed.more')), context.staff && askButton('report.request.again', context)];
  }
  if (state === 'ready') return complete ? line('report.ready') : [line('report.partial'), context.staff && askButton('report.request.again', context)];
  const done = t('report.progress', { all: number(answers), done: number(evaluated) });
  return [line(answers > 0 && evaluated >= answers ? 'report.writing' : 'report.pending'),
    h('progress', { max: Math.max(1, answers), value: evaluated, 'aria-label': done }),
    h('p', { class: 'soft' }, done, context.eta && ` · ${t('report.eta', { time: lasting(context.eta * 1000) })}`)];
}

function askButton(key, context) {
  const problem = h('div');
  const ask = async () => {
    button.disabled = true;
    button.textContent = t('report.requesting');
    fill(problem);
    try {
      await context.ask();
    } catch (error) {
      fill(problem, trouble(error));
    }
    button.disabled = false;
    button.textContent = t(key);
  };
  const button = h('button', { class: 'primary', id: 'request', onclick: ask }, t(key));
  return [button, problem];
}

function overall([score, band, state]) {
  const label = h('p', { class: 'soft' }, t('report.overall'));
  if (typeof score !== 'number') {
    const why = { ready: 'report.no-overall.why', failed: 'report.no-overall.failed' }[state] ?? 'report.no-overall.yet';
    return [label, h('p', { class: 'figure none' }, t(state === 'none' || state === 'pending' ? 'report.no-overall.now' : 'report.no-overall')), h('p', { class: 'soft' }, t(why))];
  }
  return [label, h('p', { class: 'figure' }, number(score, 1), h('small', null, ` ${t('report.of100')}`)), band && h('p', null, h('span', { class: 'chip' }, named('band', band)))];
}

function countsView(all) {
  return Object.entries(all)
    .filter(([key, n]) => n > 0 || key === 'scored')
    .map(([key, n]) => h('div', null, h('dt', null, t(`count.${key}`)), h('dd', null, number(n))));
}
