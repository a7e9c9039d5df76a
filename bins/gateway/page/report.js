// One interview's report, growing while it is made.
//
// Owns the document and when it is read again; each part draws itself from it. An event only says that there is something to read.
import { call } from './api.js';
import { areasPart } from './areas.js';
import { answersPart, stripPart } from './answers.js';
import { announce, fill, h } from './dom.js';
import { named, number, t } from './language.js';
import { headPart } from './head.js';
import { madePart, missingPart, noticesPart, summaryPart } from './prose.js';
import { isStaff } from './session.js';
import { inWords, standing } from './standing.js';
import { connection, loading, trouble } from './states.js';
import { Stream } from './stream.js';

const EVENTS = ['report.requested', 'report.planned', 'answer.evaluated', 'report.ready', 'report.failed', 'speech.requested', 'speech.ready',
  'speech.failed', 'question.asked', 'evaluation.reviewed', 'reset', 'end'];
const DEBOUNCE_MS = 250;
const HOLD_S = 20;
/** A connection can die without a word, and keep-alive comments don't reach a script: while a report is made, it is looked at this often. */
const LOOK_MS = 20_000;
const LOOKS_AFTER_ASKING = 6;
/** News that was stored longer ago than this should have come by the stream. */
const LATE_MS = 3000;

export function reportView(id) {
  return new ReportView(id).open();
}

class ReportView {
  constructor(id) {
    this.id = id;
    this.told = 0;
    this.path = `/v1/interviews/${id}/report`;
    this.live = h('span', { class: 'live', role: 'status' }, t('stream.connecting'));
    this.show = connection(this.live);
    this.body = h('div', null, loading());
  }

  open() {
    // The stream opens first and says when to read: what happens in between is in what is read.
    this.listen();
    this.refresh();
    this.onVisible = () => document.visibilityState === 'visible' && this.refresh();
    document.addEventListener('visibilitychange', this.onVisible);
    this.looking = setInterval(() => this.look(), LOOK_MS);
    return { title: t('report.number', { id: this.id }), node: this.body, close: () => this.close() };
  }

  close() {
    this.closed = true;
    this.stream.close();
    this.charts?.close();
    clearInterval(this.looking);
    clearTimeout(this.soon);
    document.removeEventListener('visibilitychange', this.onVisible);
  }

  listen() {
    const lastId = this.stream?.lastId ?? null;
    this.stream?.close();
    this.stream = new Stream({
      path: `/v1/interviews/${this.id}/events`, role: 'candidate', interview: this.id, names: EVENTS,
      onOpen: () => this.refresh(),
      onEvent: (name, data) => this.take(name, data),
      onState: () => this.tell(),
      isOver: () => this.doc?.state === 'ready' || this.doc?.state === 'failed',
      poll: (signal) => this.read({ waitS: HOLD_S, signal }),
    });
    this.stream.lastId = lastId;
  }

  /** Reads without having been told to. What is found, or a failure, shows that the stream is dead though it looks alive. */
  async look() {
    if (this.doc?.state !== 'pending' || this.reading || performance.now() - this.told < LOOK_MS / 2) return;
    const before = this.etag;
    const told = this.told;
    const alive = await this.refresh();
    if (this.closed || (alive && this.etag === before)) return;
    await new Promise((resolve) => { setTimeout(resolve, alive ? LATE_MS : 0); });
    if (this.told === told) this.stream.restart();
  }

  /** A stream that ended is finished for the reader only once the report is; and once it is, a stream that is lost is no loss. */
  tell() {
    const state = this.stream?.state;
    if (!state) return;
    if (state === 'lost' && this.stream.isOver()) return this.show('over');
    this.show(state === 'over' && !this.stream.isOver() ? 'live' : state);
  }

  take(name, data) {
    this.told = performance.now();
    if (name === 'speech.failed') this.answers?.speechFailed(data.question_id);
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.refresh(), DEBOUNCE_MS);
  }

  /** Reads the report; asked again meanwhile, reads once more. Resolves to whether the server answered. */
  async refresh() {
    if (this.reading) {
      this.stale = true;
      return true;
    }
    this.reading = true;
    try {
      do {
        this.stale = false;
        await this.read();
      } while (this.stale && !this.closed);
      return true;
    } catch (problem) {
      // Without a document there is nothing to show but the problem; with one, the banner says it.
      if (!this.closed && !this.doc && problem.status !== 401) fill(this.body, h('h1', { class: 'hidden' }, t('report.number', { id: this.id })), trouble(problem, () => this.refresh()));
      if (problem.status === 403 || problem.status === 404) this.stream.close();
      return problem.status !== 0;
    } finally {
      this.reading = false;
    }
  }

  async read(options = {}) {
    const { status, body, etag } = await call(this.path, { etag: this.etag, ...options });
    if (this.closed || status === 304 || !body) return;
    this.etag = etag;
    await this.paint(body);
  }

  async paint(doc) {
    const before = this.doc;
    this.doc = doc;
    document.title = `${doc.position || t('report.number', { id: this.id })} · Viva`;
    if (!before) await this.build();
    if (this.closed) return;
    for (const one of this.parts) one.update(doc);
    this.tell();
    if (before) this.say(before, doc);
  }

  async build() {
    const staff = (await isStaff()) !== false;
    const context = { staff, live: this.live, eta: null, ask: () => this.ask(), changed: () => this.refresh() };
    this.context = context;
    this.charts = areasPart();
    this.answers = answersPart(context);
    this.parts = [headPart(context), noticesPart(), stripPart(), this.charts, summaryPart(), missingPart(), this.answers, madePart()];
    fill(this.body, this.parts.map((one) => one.node));
  }

  /** Requests the report. */
  async ask() {
    const { state } = this.doc;
    const { retryAfter } = await call(this.path, { method: 'POST' });
    announce(t('report.requested'));
    this.context.eta = Number(retryAfter) || null;
    // The request is stored before it is answered, but its job may take a moment to show.
    for (let look = 0; look < LOOKS_AFTER_ASKING; look += 1) {
      await this.refresh();
      if (this.closed || this.doc.state !== state) break;
      await new Promise((resolve) => { setTimeout(resolve, 500); });
    }
    if (this.stream.state === 'over' && !this.closed) this.listen();
    document.getElementById('content').focus({ preventScroll: true }); // the button is gone
  }

  /** What arrived since, for those who don't see it. */
  say(before, doc) {
    const old = new Map(before.answers.map((answer) => [answer.transcript_id, answer.evaluation?.evaluation_id]));
    doc.answers.forEach((answer, index) => {
      const now = answer.evaluation?.evaluation_id;
      if (!now || old.get(answer.transcript_id) === now) return;
      announce(t('arrived', { n: index + 1, result: inWords(standing(answer, doc.state)) }));
    });
    if (before.state !== doc.state && doc.state === 'failed') announce(t('report.failed'));
    if (before.state === doc.state || doc.state !== 'ready') return;
    if (typeof doc.overall !== 'number') return announce(t('arrived.report.none'));
    announce(t('arrived.report', { n: `${number(doc.overall, 1)}${doc.band ? `, ${named('band', doc.band)}` : ''}` }));
  }
}
