// Elements without a framework. Promises that no text becomes markup: strings are text nodes, and there is no innerHTML.

/** An element; `on…` are listeners, `share` (0 to 1) is a custom property that the style sheet draws bars from. */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) set(node, name, value);
  node.append(...kept(children));
  return node;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
  // Through the object model: the content policy forbids style attributes.
  else if (name === 'share' || name === 'mark') node.style.setProperty(`--${name}`, String(Math.min(1, Math.max(0, value))));
  else node.setAttribute(name, value === true ? '' : value);
}

const kept = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== '');

/** Puts `children` in the place of what `node` holds. */
export function fill(node, ...children) {
  node.replaceChildren(...kept(children));
  return node;
}

/** A node that draws itself again only if what `select` takes from the document changed: focus and players survive the rest. */
export function part(node, select, draw) {
  let drawn;
  const update = (doc) => {
    const wanted = select(doc);
    const now = JSON.stringify(wanted ?? null);
    if (now === drawn) return;
    drawn = now;
    const children = kept([draw(wanted, doc)]);
    node.hidden = children.length === 0;
    node.replaceChildren(...children);
  };
  return { node, update };
}

/** One view per item under `parent`, by key; views stay in place, so that a playing clip is not moved. */
export function keyed(parent, keyOf, make) {
  const views = new Map();
  return (items) => {
    const wanted = new Set(items.map((item) => String(keyOf(item))));
    for (const [key, view] of views) {
      if (wanted.has(key)) continue;
      view.node.remove();
      views.delete(key);
    }
    let before = parent.firstChild;
    items.forEach((item, index) => {
      const key = String(keyOf(item));
      if (!views.has(key)) views.set(key, make(item, index));
      const view = views.get(key);
      if (view.node === before) before = before.nextSibling;
      else parent.insertBefore(view.node, before);
      view.update(item, index);
    });
  };
}

/** Said to screen readers once they are idle. Scores that land together are said together. */
let pending = [];
let timer;
export function announce(sentence) {
  pending.push(sentence);
  clearTimeout(timer);
  timer = setTimeout(() => {
    document.getElementById('news').textContent = pending.join(' ');
    pending = [];
  }, 700);
}

/** Asks before something is done; resolves to whether it was confirmed. */
export function confirmed({ title, detail, yes, no, danger }) {
  return new Promise((resolve) => {
    const heading = h('h2', { id: 'ask-title' }, title);
    const dialog = h('dialog', { 'aria-labelledby': 'ask-title', 'aria-describedby': 'ask-detail' },
      heading, h('p', { id: 'ask-detail' }, detail),
      h('form', { method: 'dialog', class: 'row end' },
        h('button', { value: 'no', autofocus: true }, no),
        h('button', { value: 'yes', class: danger ? 'danger' : 'primary' }, yes)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
