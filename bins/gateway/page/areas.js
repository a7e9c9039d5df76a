// Scores by area: a radar for the eye, and a table with the same values for everyone.
import { h, part } from './dom.js';
import { named, number, percent, t } from './language.js';

let library;
/** Chart.js, once a chart is wanted. */
const charts = () => (library ??= import('./vendor/chart.umd.min.js').then(() => globalThis.Chart));

export function areasPart() {
  const table = part(h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-labelledby': 'areas-title' }), (doc) => [doc.areas ?? [], doc.language, doc.state], areaTable);
  const canvas = h('canvas', { role: 'img', 'aria-label': t('areas.chart') });
  const figure = h('div', { class: 'radar' }, canvas);
  const radar = new Radar(canvas);
  const shared = part(h('p', { class: 'soft note' }), (doc) => (doc.state === 'pending' ? 'areas.so-far' : isShared(doc.areas ?? []) && 'areas.shared'), (key) => key && t(key));
  const empty = h('p', { class: 'soft' }, t('areas.yet'));
  const both = h('div', { class: 'areas' }, figure, h('div', null, table.node, shared.node));
  const node = h('section', { 'aria-labelledby': 'areas-title' }, h('h2', { id: 'areas-title' }, t('areas.title')), h('div', { class: 'panel' }, empty, both));
  const update = (doc) => {
    const areas = doc.areas ?? [];
    node.hidden = areas.length === 0 && doc.state !== 'pending';
    empty.hidden = areas.length > 0;
    both.hidden = areas.length === 0;
    // A shape needs three corners.
    figure.hidden = areas.length < 3 || !areas.some(has);
    both.classList.toggle('alone', figure.hidden);
    table.update(doc);
    shared.update(doc);
    if (!figure.hidden) radar.draw(areas);
  };
  return { node, update, close: () => radar.close() };
}

const isShared = (areas) => areas.some((area) => !has(area)) && areas.some(has);

function areaTable([areas, language, state]) {
  const head = (key, kind) => h('th', { scope: 'col', class: kind }, t(key));
  const row = (area) => h('tr', null,
    h('th', { scope: 'row', lang: language }, area.title),
    h('td', { class: 'number' },
      has(area) ? h('b', null, number(area.score, 1)) : h('span', { class: 'soft' }, t('areas.no-score')),
      area.band && h('small', { class: 'narrow' }, named('band', area.band)),
      area.follow_up ? h('small', null, t('areas.follow-up', { n: `${area.follow_up > 0 ? '+' : ''}${number(area.follow_up, 1)}` })) : null),
    h('td', { class: 'wide' }, area.band ? named('band', area.band) : t('none')),
    h('td', { class: 'number' }, state === 'pending' ? percent(area.weight) : weight(area, areas)),
    h('td', { class: 'number wide' }, t('areas.counted', { scored: number(area.scored), answers: number(area.answers) })));
  return h('table', null,
    h('thead', null, h('tr', null, head('areas.area'), head('areas.score', 'number'), head('areas.band', 'wide'), head('areas.weight', 'number'), head('areas.answers', 'number wide'))),
    h('tbody', null, areas.map(row)));
}

function weight(area, areas) {
  const stated = percent(area.weight);
  if (typeof area.applied_weight !== 'number') return isShared(areas) ? t('areas.left-out', { stated }) : stated;
  const applied = percent(area.applied_weight);
  if (applied === stated) return stated;
  return [h('span', { 'aria-hidden': 'true' }, t('areas.applied', { stated, applied })), h('span', { class: 'hidden' }, t('areas.applied.say', { stated, applied }))];
}

/** The chart, in the colours of the page as it is now: dark, light or paper. */
class Radar {
  constructor(canvas) {
    this.canvas = canvas;
    this.dark = matchMedia('(prefers-color-scheme: dark)');
    this.paint = () => this.areas && this.draw(this.areas, false);
    this.toPaper = () => this.areas && this.draw(this.areas, true);
    this.dark.addEventListener('change', this.paint);
    window.addEventListener('beforeprint', this.toPaper);
    window.addEventListener('afterprint', this.paint);
  }

  async draw(areas, paper = false) {
    this.areas = areas;
    const Chart = await charts();
    if (this.closed) return;
    const config = settings(areas, colours(paper));
    if (!this.chart) {
      this.chart = new Chart(this.canvas, config);
      return;
    }
    Object.assign(this.chart, { data: config.data });
    this.chart.options = config.options;
    this.chart.update('none');
  }

  close() {
    this.closed = true;
    this.dark.removeEventListener('change', this.paint);
    window.removeEventListener('beforeprint', this.toPaper);
    window.removeEventListener('afterprint', this.paint);
    this.chart?.destroy();
  }
}

function colours(paper) {
  if (paper) return { ink: '#111', soft: '#444', line: '#c5ccd6', accent: '#2456a6' };
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return { ink: of('ink'), soft: of('soft'), line: of('line'), accent: of('accent') };
}

const has = (area) => typeof area.score === 'number';

function settings(areas, { ink, soft, line, accent }) {
  const font = { family: getComputedStyle(document.body).fontFamily, size: innerWidth < 480 ? 11 : 12 };
  const set = {
    // An area without a score leaves a gap in an open line: a zero, or a surface that runs through it, would be a lie.
    data: areas.map((area) => area.score ?? null),
    fill: areas.every(has), spanGaps: false, pointRadius: areas.map((area) => (has(area) ? 3 : 0)),
    borderColor: accent, backgroundColor: `${accent}26`, pointBackgroundColor: accent, borderWidth: 2,
  };
  const label = (area) => [...broken(area.title), has(area) ? number(area.score, 1) : t('areas.no-score')];
  return {
    type: 'radar',
    data: { labels: areas.map(label), datasets: [set] },
    options: {
      responsive: true, maintainAspectRatio: false, animation: false, events: [],
      plugins: { legend: { display: false }, tooltip: { enabled: false } },
      scales: {
        r: {
          min: 0, max: 100,
          ticks: { stepSize: 25, color: soft, font: { ...font, size: 10 }, showLabelBackdrop: false, callback: (at) => (at % 50 === 0 && at > 0 ? at : '') },
          grid: { color: line }, angleLines: { color: line },
          pointLabels: { color: ink, font },
        },
      },
    },
  };
}

/** A long title in lines that fit beside the figure; a Hangul syllable is as wide as two Latin letters. */
function broken(title) {
  const wide = (text) => [...text].reduce((sum, one) => sum + (one > '\u1100' ? 2 : 1), 0);
  const lines = [''];
  for (const word of title.split(' ')) {
    const last = lines.at(-1);
    if (last && wide(`${last} ${word}`) > (innerWidth < 480 ? 11 : 15)) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines;
}
