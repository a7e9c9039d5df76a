// What every view shows while it waits, when it has nothing, when something went wrong, and how it is connected.
import { h } from './dom.js';
import { t } from './language.js';

export const loading = () => h('div', { class: 'blank', 'aria-busy': 'true' }, h('p', { class: 'soft', role: 'status' }, t('loading')),
  h('div', { class: 'ghost', 'aria-hidden': 'true' }), h('div', { class: 'ghost', 'aria-hidden': 'true' }));

export const blank = (title, more, ...rest) => h('div', { class: 'blank' }, h('h2', null, title), more && h('p', { class: 'soft' }, more), rest);

/** A problem in words, with what the server said, and a way on if there is one. */
export function trouble(problem, again) {
  const said = problem.said?.();
  return h('div', { class: 'blank trouble', role: 'alert' },
    h('h2', null, problem.words?.() ?? String(problem.message)),
    said && h('p', { class: 'soft' }, `${t('problem.server')}: `, h('span', { lang: 'en' }, said)),
    again && problem.status !== 403 && problem.status !== 404 && h('button', { onclick: again }, t('retry')));
}

/** How news arrives, in a word; and the banner over the page while none does. */
export function connection(element) {
  const banner = document.getElementById('banner');
  return (state) => {
    element.dataset.state = state;
    element.textContent = t(`stream.${state}`);
    banner.hidden = state !== 'lost';
    banner.textContent = state === 'lost' ? t(navigator.onLine ? 'banner.lost' : 'banner.offline') : '';
  };
}
