// Boot, routes, the frame around every view.
import { announce, fill, h } from './dom.js';
import { current, speak, t } from './language.js';
import { fleetView } from './fleet.js';
import { listView } from './list.js';
import { reportView } from './report.js';
import { forget, isStaff, takeFromAddress, token } from './session.js';
import { signInView } from './signin.js';

const content = document.getElementById('content');
let view;
let refused = false;

const routes = [
  [/^\/$/, () => listView()],
  [/^\/interviews\/(\d+)\/?$/, (id) => reportView(Number(id))],
  [/^\/fleet\/?$/, () => fleetView()],
];

function choose() {
  if (!token()) return signInView(refused, show);
  for (const [shape, make] of routes) {
    const found = shape.exec(location.pathname);
    if (found) return make(...found.slice(1));
  }
  return { title: t('problem.404'), node: h('div', { class: 'blank' }, h('h1', null, t('problem.404')), h('p', null, h('a', { href: '/' }, t('nav.list')))) };
}

function show() {
  view?.close?.();
  document.getElementById('banner').hidden = true;
  view = choose();
  if (token()) refused = false;
  document.title = `${view.title} · Viva`;
  fill(content, view.node);
  frame();
}

function frame() {
  document.getElementById('skip').textContent = t('skip');
  const link = (href, text, is) => h('a', { href, 'aria-current': is ? 'page' : null }, text);
  const path = location.pathname;
  const nav = h('nav', { 'aria-label': t('nav') }, link('/', t('nav.list'), path === '/'), link('/fleet', t('nav.fleet'), path.startsWith('/fleet')));
  // A candidate has one page: links to others would only be refused.
  if (token()) isStaff().then((yes) => { nav.hidden = yes === false; });
  fill(document.getElementById('top'), h('div', { class: 'inner' },
    h('a', { href: '/', class: 'brand', 'aria-label': 'Viva' }, 'Viva'),
    nav,
    h('button', { class: 'quiet', id: 'language', lang: current() === 'ko' ? 'en' : 'ko', onclick: switchLanguage }, t('language.other'))));
  fill(document.getElementById('foot'), h('div', { class: 'inner' },
    h('p', null, t('foot')),
    token() && h('button', { class: 'quiet', onclick: signOut }, t('sign.out'))));
}

function switchLanguage() {
  speak(current() === 'ko' ? 'en' : 'ko');
  show();
  document.getElementById('language').focus();
}

function signOut() {
  forget();
  show();
}

function go(path) {
  history.pushState(null, '', path);
  show();
  scrollTo(0, 0);
  content.focus({ preventScroll: true });
  announce(document.title);
}

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="/"]');
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target) return;
  event.preventDefault();
  if (link.pathname !== location.pathname) go(link.pathname);
});
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  content.focus();
});
window.addEventListener('popstate', () => {
  if (!location.hash) show();
});
window.addEventListener('hashchange', () => {
  if (takeFromAddress()) show();
});
document.addEventListener('viva:unauthorized', () => {
  if (!token()) return; // said already
  refused = true;
  forget();
  show();
});

takeFromAddress();
speak(current());
show();
