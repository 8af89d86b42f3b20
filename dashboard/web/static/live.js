// live.js keeps the numbers of a page current from /api/v1/stream. What it is told (words, limits, names) stands in
// main[data-live]; what it fills is marked: data-building and data-zone hold a place, data-f a number in it, data-bar its
// bar, data-door a door on a plan, data-part a list that the server renders anew.
(() => {
  'use strict';
  const main = document.getElementById('main');
  if (!main || !main.dataset.live || !window.EventSource) return;
  const told = JSON.parse(main.dataset.live), w = told.words, dash = '—', limits = told.limits;
  const whole = new Intl.NumberFormat(told.lang, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(told.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const buildings = new Map(), partHTML = new Map();
  const frameLimit = 12000, statusEvery = 30000, partEvery = 2000;
  let source, opened = false, lostAt = 0, frameAt = 0, beats = false, skew = told.now - Date.now();
  let statusAt = Date.now(), partAt = 0, partTimer = 0, pointerAt = 0, retryTimer = 0;

  const put = (text, names) => text.replace(/\{(\w+)\}/g, (all, k) => k in names ? names[k] : all);
  const num = n => whole.format(n).replace('-', '\u2212');
  const count = (known, partial, n) => !known ? dash : (partial ? '≥\u00a0' : '') + num(n);
  const signed = n => (n > 0 ? '+' : '') + num(n);
  const bandOf = (known, n, full) => !known || full <= 0 ? 'unknown' : n <= 0 ? 'empty' : n > full ? 'over' :
    n * 100 < limits[0] * full ? 'quiet' : n * 100 < limits[1] * full ? 'moderate' : n * 100 < limits[2] * full ? 'busy' : 'full';
  const percent = (n, full) => n > full ? Math.ceil(100 * n / full) : Math.floor(100 * n / full);
  const since = at => at > '0002' ? Date.now() + skew - Date.parse(at) : Infinity;
  const ago = ms => ms === Infinity ? w.never : ms < 2000 ? w.now : ms < 6e4 ? put(w.s, { n: Math.floor(ms / 1e3) }) :
    ms < 36e5 ? put(w.min, { n: Math.floor(ms / 6e4) }) : put(w.h, { n: Math.floor(ms / 36e5) });
  const set = (el, text) => { if (el && el.textContent !== text) el.textContent = text; };
  const air = ppm => ppm == null ? '' : ppm <= 970 ? 'I' : ppm <= 1220 ? 'II' : ppm <= 1770 ? 'III' : 'IV';

  // own are the marked elements in root that belong to it and not to a place inside of it.
  const own = (root, selector) => [...root.querySelectorAll(selector)].filter(e =>
    e.parentElement.closest('[data-zone],[data-building]') === root);
  const paint = (el, band) => el.setAttribute('class', el.getAttribute('class').replace(/\bb-\w+/, 'b-' + band));

  // show writes one place's numbers; x is a building or a zone.
  function show(root, x, values) {
    const band = bandOf(x.known, x.count, x.capacity);
    values.chip = band === 'unknown' ? told.bands.unknown : num(percent(x.count, x.capacity)) + '\u00a0% · ' + told.bands[band];
    values.range = !x.known || x.low === x.high ? '' : put(w.estimate, { low: num(x.low), high: num(x.high) });
    values.span = !x.known ? dash : x.low === x.high ? num(x.low) : num(x.low) + '–' + num(x.high);
    for (const el of own(root, '[data-f]')) {
      if (el.dataset.f in values) set(el, values[el.dataset.f]);
      if (el.dataset.f === 'chip' && el.classList.contains('chip')) paint(el, band);
    }
    for (const bar of own(root, '[data-bar]')) {
      paint(bar, band);
      bar.querySelector('.fill').setAttribute('width', x.known && x.capacity > 0 ? Math.min(100, 100 * x.count / x.capacity).toFixed(1) : 0);
    }
    if (root.classList.contains('zone')) paint(root, band);
  }

  function building(b) {
    buildings.set(b.id, b);
    const well = b.doors.filter(d => d.known && !d.forced && !d.held).length;
    const worst = b.zones.reduce((a, z) => z.co2 != null && (!a || z.co2 > a.co2) ? z : a, null);
    const name = worst && told.zones && told.zones[b.id] && told.zones[b.id][worst.id];
    const values = {
      count: count(b.known, b.partial, b.count), entered: count(b.known, false, b.entered), left: count(b.known, false, b.left),
      usual: b.known && b.usual != null ? signed(b.count - b.usual) : dash, doors: well + '/' + b.doors.length,
      gateways: b.gateways.filter(g => g.online).length + '/' + b.gateways.length,
      air: worst ? num(worst.co2) + ' ppm' + (name ? ' · ' + name : '') : dash,
    };
    for (const root of document.querySelectorAll('[data-building="' + CSS.escape(b.id) + '"]')) {
      show(root, b, values);
      for (const z of b.zones) for (const el of root.querySelectorAll('[data-zone="' + CSS.escape(z.id) + '"]')) show(el, z, {
        count: count(z.known, false, z.count), co2: z.co2 == null ? dash : num(z.co2), airclass: air(z.co2),
        temperature: z.temperature == null ? dash : tenth.format(z.temperature), humidity: z.humidity == null ? dash : num(z.humidity),
      });
      for (const d of b.doors) for (const el of root.querySelectorAll('[data-door="' + CSS.escape(d.id) + '"]'))
        el.setAttribute('class', 'door ' + (d.forced || d.held ? 'alarm' : !d.known ? 'unknown' : d.open ? 'open' : 'well'));
    }
    document.dispatchEvent(new CustomEvent('kapija:building', { detail: b }));
  }

  // parts asks the server for lists anew, but leaves alone what somebody points at or has the focus in.
  async function parts() {
    partTimer = 0;
    partAt = Date.now();
    for (const el of document.querySelectorAll('[data-part]')) {
      if (el.contains(document.activeElement) || el.matches(':hover') && Date.now() - pointerAt < 8000) { later(); continue; }
      try {
        const answer = await fetch(location.href, { headers: { 'X-Part': el.dataset.part } });
        if (answer.status === 401) return location.reload();
        const html = await answer.text();
        if (!answer.ok || html === partHTML.get(el)) continue;
        partHTML.set(el, html);
        const before = el.querySelectorAll('[data-critical]').length;
        el.innerHTML = html;
        const critical = el.querySelectorAll('[data-critical]');
        if (critical.length > before) set(document.getElementById('urgent'), critical[0].textContent.replace(/\s+/g, ' '));
      } catch { later(); }
    }
  }
  function later() { partTimer ||= setTimeout(parts, Math.max(100, partAt + partEvery - Date.now())); }

  function tick() {
    const now = Date.now(), silent = beats && now - frameAt > frameLimit;
    const lost = !opened && lostAt > 0 && now - lostAt > 4000;
    let oldest = 0;
    for (const b of buildings.values()) {
      const age = since(b.at), stale = lost || silent || age > told.stale;
      oldest = Math.max(oldest, age);
      for (const root of document.querySelectorAll('[data-building="' + CSS.escape(b.id) + '"]')) {
        root.classList.toggle('stale', stale);
        for (const el of own(root, '[data-f=age]')) set(el, ago(age));
      }
    }
    const state = lost ? 'lost' : !opened ? 'connecting' : silent || oldest > told.stale ? 'stale' : 'live';
    const pulse = document.querySelector('[data-pulse]');
    if (pulse) {
      pulse.dataset.pulse = state;
      set(pulse.querySelector('[data-pulse-word]'), w[state]);
      set(pulse.querySelector('[data-pulse-age]'), buildings.size ? ago(oldest) : '');
    }
    set(document.getElementById('lost'), lost ? w.gone : '');
    if (opened && buildings.size && now - statusAt > statusEvery) {
      statusAt = now;
      set(document.getElementById('status'), [...buildings.values()].map(b =>
        told.buildings[b.id] + ': ' + (b.known ? count(true, b.partial, b.count) : w.unknown)).join(', '));
    }
  }

  function open() {
    clearTimeout(retryTimer);
    if (source || document.hidden) return;
    source = new EventSource('/api/v1/stream');
    const on = (name, f) => source.addEventListener(name, e => {
      frameAt = Date.now();
      if (f) f(JSON.parse(e.data));
      tick();
    });
    source.onopen = () => { opened = true; lostAt = 0; frameAt = Date.now(); tick(); };
    source.onerror = () => {
      if (opened || !lostAt) lostAt = Date.now();
      opened = false;
      if (source && source.readyState === EventSource.CLOSED) { // refused: the browser does not try again by itself
        shut();
        fetch(location.href, { headers: { 'X-Part': 'none' } }).then(a => { if (a.status === 401) location.reload(); }, () => {});
        retryTimer = setTimeout(open, 3000 + Math.random() * 5000);
      }
    };
    on('snapshot', s => { skew = Date.parse(s.at) - Date.now(); s.buildings.forEach(building); later(); });
    on('building', b => { building(b); later(); });
    on('event', later);
    on('heartbeat', () => { beats = true; });
  }
  function shut() {
    if (source) source.close();
    source = undefined;
    opened = false;
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) { shut(); lostAt = 0; } else { statusAt = Date.now(); open(); }
  });
  addEventListener('pagehide', shut);
  addEventListener('pageshow', open);
  addEventListener('pointermove', () => { pointerAt = Date.now(); }, { passive: true });
  setInterval(tick, 1000);
  open();
})();
