// The interviews, newest first.
import { call } from './api.js';
import { fill, h } from './dom.js';
import { named, number, t } from './language.js';
import { blank, loading, trouble } from './states.js';

export function listView() {
  const body = h('div', null, loading());
  const count = h('span', { class: 'soft' });
  const node = h('div', null, h('div', { class: 'head' }, h('h1', null, t('list.title')), count), body);
  let closed = false;

  const read = async () => {
    try {
      const { body: found } = await call('/v1/interviews');
      if (closed) return;
      count.textContent = t('list.count', { n: number(found.interviews.length) });
      fill(body, found.interviews.length ? table(found.interviews) : blank(t('list.empty'), t('list.empty.more')));
    } catch (problem) {
      if (closed) return;
      fill(body, problem.status === 403 ? blank(t('list.only-own'), t('list.only-own.more')) : trouble(problem, read));
    }
  };
  // Whoever comes back to the tab sees what is there now.
  const onVisible = () => document.visibilityState === 'visible' && read();
  document.addEventListener('visibilitychange', onVisible);
  read();
  const close = () => {
    closed = true;
    document.removeEventListener('visibilitychange', onVisible);
  };
  return { title: t('list.title'), node, close };
}

function table(interviews) {
  const head = (key, kind) => h('th', { scope: 'col', class: kind }, t(key));
  return h('div', { class: 'panel flush' }, h('table', { class: 'list' },
    h('thead', null, h('tr', null, head('list.id', 'number'), head('list.position'), head('list.status'), head('list.overall', 'number'))),
    h('tbody', null, interviews.map(row))));
}

function row({ id, position, status, overall }) {
  return h('tr', null,
    h('td', { class: 'number soft' }, String(id)),
    h('th', { scope: 'row' }, h('a', { href: `/interviews/${id}` }, position || t('list.untitled'))),
    h('td', null, status ? named('status', status) : t('none')),
    h('td', { class: 'number' }, typeof overall === 'number' ? h('b', null, number(overall, 1)) : h('span', { class: 'soft' }, t('list.no-score'))));
}
