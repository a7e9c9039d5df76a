// Messages that nobody could handle: why, and what to do with each. Both ways ask first.
import { call } from './api.js';
import { announce, confirmed, fill, h, keyed, part } from './dom.js';
import { moment, t } from './language.js';
import { trouble } from './states.js';

export function deadPart(read) {
  const list = h('ul', { class: 'dead' });
  const title = h('h2', { id: 'dead', tabindex: '-1' }, t('dead.title'));
  const none = part(h('div'), ({ dead_letters: found }) => (found ? found.length : null), (n) =>
    !n && h('p', { class: 'soft' }, t(n === null ? 'dead.off' : 'dead.none')));
  const node = h('section', { 'aria-labelledby': 'dead' }, title, h('div', { class: 'panel' }, none.node, list));
  const draw = keyed(list, (letter) => letter.id, () => letterView(read, title));
  const update = (doc) => {
    none.update(doc);
    draw(doc.dead_letters ?? []);
    list.hidden = !doc.dead_letters?.length;
  };
  return { node, update };
}

function letterView(read, title) {
  const problem = h('div');
  const text = part(h('div'), (letter) => letter, ({ task, task_id: taskId, reason, queue, at, node: host }) => [
    h('p', null, h('b', null, task ?? t('dead.unknown-task')), taskId && h('code', null, taskId)),
    h('p', { class: 'bad', lang: 'en' }, reason),
    h('p', { class: 'soft' }, t('dead.from', { queue, at: moment(at), node: host }))]);
  let letter;
  const act = async (kind) => {
    const places = { task: letter.task ?? t('dead.unknown-task'), queue: letter.queue };
    const yes = await confirmed({ title: t(`dead.${kind}.ask`), detail: t(`dead.${kind}.more`, places), yes: t(`dead.${kind}`), no: t('cancel'), danger: kind === 'drop' });
    if (!yes) return;
    fill(problem);
    try {
      const path = `/v1/dead-letters/${encodeURIComponent(letter.id)}`;
      await (kind === 'drop' ? call(path, { method: 'DELETE' }) : call(`${path}/replay`, { method: 'POST' }));
      announce(t(kind === 'drop' ? 'dead.dropped' : 'dead.replayed'));
      await read();
      title.focus(); // the row, and the button that had the focus, are gone
    } catch (error) {
      fill(problem, trouble(error));
    }
  };
  const node = h('li', null, text.node, h('div', { class: 'row' },
    h('button', { onclick: () => act('replay') }, t('dead.replay')), h('button', { class: 'danger', onclick: () => act('drop') }, t('dead.drop'))), problem);
  const update = (now) => {
    letter = now;
    text.update(now);
  };
  return { node, update };
}
