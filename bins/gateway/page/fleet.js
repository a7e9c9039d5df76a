// The fleet: who works, how far behind, what waits, what was left over. Every two seconds, without taking the focus.
import { call } from './api.js';
import { deadPart } from './dead.js';
import { announce, fill, h, keyed, part } from './dom.js';
import { clock, number, t } from './language.js';
import { blank, connection, loading, trouble } from './states.js';
import { Stream } from './stream.js';
import { stateOf, workerView } from './worker.js';

const POLL_MS = 5000;

export function fleetView() {
  const live = h('span', { class: 'live', role: 'status' }, t('stream.connecting'));
  const at = h('span', { class: 'soft' });
  const body = h('div', null, loading());
  const node = h('div', null, h('div', { class: 'head' }, h('h1', null, t('fleet.title')), h('div', { class: 'tools' }, at, live)), body);
  let built;
  let known;
  let closed = false;

  const paint = (doc) => {
    if (closed) return;
    if (!built) {
      built = build(read);
      fill(body, built.map((one) => one.node));
    }
    at.textContent = t('fleet.at', { time: clock(doc.at) });
    for (const one of built) one.update(doc);
    known = say(known, doc.workers);
  };
  const read = async (signal) => paint((await call('/v1/fleet', { signal })).body);
  const poll = async (signal) => {
    await read(signal);
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  };
  const start = () => read().catch((problem) => {
    if (closed || built || problem.status === 401) return;
    if (problem.status === 403) {
      stream.close();
      live.hidden = true;
    }
    fill(body, trouble(problem, start));
  });
  const stream = new Stream({
    path: '/v1/fleet/events', role: 'recruiter', names: ['fleet'],
    onOpen: () => {}, onEvent: (_, doc) => paint(doc), onState: connection(live), poll,
  });
  start();
  const close = () => {
    closed = true;
    stream.close();
  };
  return { title: t('fleet.title'), node, close };
}

function build(read) {
  const grid = h('ul', { class: 'workers' });
  const none = part(h('div'), (doc) => doc.workers.length === 0, (yes) => yes && blank(t('fleet.none'), t('fleet.none.more')));
  const draw = keyed(grid, (worker) => worker.id, workerView);
  const workers = {
    node: h('div', null, none.node, grid),
    update: (doc) => {
      none.update(doc);
      grid.hidden = doc.workers.length === 0;
      draw(doc.workers.filter((one) => one.live || one.silent_ms < REMEMBERED_MS).sort(inOrder));
    },
  };
  return [workers, titled('queues', 'fleet.queues', (doc) => doc.queues, queues), titled('left', 'fleet.left', (doc) => doc.left_behind, left), deadPart(read)];
}

function titled(id, key, select, draw) {
  // Null is told as such; what a gateway does not tell at all is left out.
  return part(h('section', { 'aria-labelledby': id }), select, (found, doc) =>
    select(doc) !== undefined && [h('h2', { id }, t(key)), h('div', { class: 'panel' }, draw(found))]);
}

function queues(found) {
  if (!found) return h('p', { class: 'soft' }, t('fleet.queues.none'));
  if (found.length === 0) return h('p', { class: 'soft' }, t('fleet.queues.empty'));
  const row = ({ name, messages, consumers }) => h('tr', null,
    h('th', { scope: 'row' }, h('code', null, name)), h('td', { class: 'number' }, number(messages)),
    h('td', { class: 'number' }, number(consumers), messages > 0 && consumers === 0 && h('small', { class: 'bad' }, t('queue.nobody'))));
  return h('table', null,
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, t('queue.name')), h('th', { scope: 'col', class: 'number' }, t('queue.messages')), h('th', { scope: 'col', class: 'number' }, t('queue.consumers')))),
    h('tbody', null, found.map(row)));
}

function left(found) {
  const some = Object.entries(found ?? {}).filter(([, n]) => n > 0);
  if (some.length === 0) return h('p', { class: 'soft' }, t('fleet.left.none'));
  return [h('dl', { class: 'counts' }, some.map(([key, n]) => h('div', null, h('dt', null, t(`left.${key}`)), h('dd', null, number(n))))), h('p', { class: 'soft' }, t('fleet.left.more'))];
}

/** Says which workers came or changed; returns what is known now. */
function say(known, workers) {
  const now = new Map(workers.map((worker) => [worker.id, stateOf(worker)]));
  for (const worker of known ? workers : []) {
    const state = now.get(worker.id);
    if (!known.has(worker.id)) announce(t('worker.came', { name: worker.name }));
    else if (isGone(state) !== isGone(known.get(worker.id))) announce(t('worker.changed', { name: worker.name, state: t(`fleet.${state}`) }));
  }
  return now;
}

// Who left longer ago is of no interest here; the database remembers them for a week.
const REMEMBERED_MS = 10 * 60 * 1000;
const inOrder = (one, other) => Number(other.live) - Number(one.live) || one.name.localeCompare(other.name) || one.id.localeCompare(other.id);

const isGone = (state) => state === 'gone';
