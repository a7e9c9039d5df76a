// One worker: whether it lives, how long it has been silent, and two things that are easily mistaken for each other:
// mail that it read late, and a clock that is off.
import { h, part } from './dom.js';
import { lasting, number, t } from './language.js';

const LATE_MS = 1000;
const OFF_MS = 1000;

// One that has left, or was declared gone, has no work any more; one that is silent still has.
export const stateOf = ({ live, silent_ms, ttl_ms, ready, claims }) => (!live ? 'away' : silent_ms > ttl_ms ? 'gone' : !ready ? 'starting' : claims > 0 ? 'busy' : 'ready');

export function workerView() {
  const head = part(h('header'), (worker) => [worker.name, worker.id, stateOf(worker)], ([name, id, state]) => [
    h('div', null, h('h2', null, name), h('code', null, id)), h('span', { class: `chip ${state}` }, t(`fleet.${state}`))]);
  const facts = part(h('dl', { class: 'signs' }), (worker) => worker, factsOf);
  const gauges = part(h('dl', { class: 'gauges', 'aria-label': t('fleet.gauges') }), (worker) => (worker.live ? worker.gauges ?? {} : {}), gaugesOf);
  const node = h('li', { class: 'panel worker' }, head.node, gauges.node, facts.node);
  const update = (worker) => {
    node.dataset.state = stateOf(worker);
    for (const one of [head, facts, gauges]) one.update(worker);
  };
  return { node, update };
}

function factsOf(worker) {
  const row = (key, value, more, bad) => h('div', { class: bad ? 'bad' : null }, h('dt', null, t(key)), h('dd', null, h('b', null, value), more && h('span', { class: 'soft' }, more)));
  const claims = row('fleet.claims', t('fleet.claims.n', { n: number(worker.claims) }));
  const silence = row('fleet.silence', t('fleet.silence.now', { time: lasting(worker.silent_ms) }), worker.live && t('fleet.silence.more', { ttl: lasting(worker.ttl_ms) }), stateOf(worker) === 'gone');
  if (!worker.live) return [silence, claims]; // what it last said of itself is no news
  const late = worker.mail_lag_ms >= LATE_MS;
  const ahead = worker.clock_ahead_ms;
  const off = Math.abs(ahead ?? 0) >= OFF_MS;
  return [
    silence,
    typeof worker.mail_lag_ms === 'number' && row('fleet.lag', lasting(worker.mail_lag_ms), t(late ? 'fleet.lag.late' : 'fleet.lag.ok'), late),
    row('fleet.clock', clockWords(ahead), typeof ahead === 'number' && t(off ? 'fleet.clock.off' : 'fleet.clock.ok'), off),
    claims,
  ];
}

function clockWords(ahead) {
  if (typeof ahead !== 'number') return t('fleet.clock.unknown');
  if (Math.abs(ahead) < 1) return t('fleet.clock.same');
  return t(ahead > 0 ? 'fleet.clock.ahead' : 'fleet.clock.behind', { time: lasting(Math.abs(ahead)) });
}

const KNOWN = {
  viva_llm_lanes: (value) => number(value),
  viva_llm_waiting: (value) => number(value),
  viva_llm_tokens_per_s: (value) => number(value, value < 100 ? 1 : 0),
  viva_llm_kv_tokens: (value) => number(value),
  viva_speech_x_real_time: (value) => t('gauge.x', { n: number(value, 1) }),
};

function gaugesOf(gauges) {
  const rank = (name) => (name in KNOWN ? Object.keys(KNOWN).indexOf(name) : 99);
  return Object.entries(gauges).sort(([one], [other]) => rank(one) - rank(other) || one.localeCompare(other)).map(([name, value]) =>
    h('div', null, h('dt', null, name in KNOWN ? t(`gauge.${name}`) : h('code', null, name)),
      h('dd', null, name in KNOWN ? KNOWN[name](value) : number(value, Number.isInteger(value) ? 0 : 2))));
}
