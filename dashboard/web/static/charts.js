// charts.js draws the curves of a page with uPlot from /api/v1/buildings/<id>/curve. Until then, and without script, the
// drawing of the server stands in the same place.
(() => {
  'use strict';
  if (!window.uPlot || !window.fetch) return;
  const lang = document.documentElement.lang, whole = new Intl.NumberFormat(lang, { maximumFractionDigits: 0 });
  const pause = 16 * 60, charts = new Map();

  const nice = v => {
    const power = Math.pow(10, Math.floor(Math.log10(v)));
    return ([1, 1.2, 1.6, 2, 3, 4, 6, 8].find(f => v <= f * power) || 10) * power;
  };
  const topOf = (data, capacity) => {
    const most = Math.max(10, ...data[1].concat(data[2]).filter(v => v != null));
    return capacity <= most * 1.8 ? nice(Math.max(most, capacity) * 1.04) : nice(most * 1.1);
  };

  // columns are times, counts, upper and lower bounds; where recording paused a gap is left.
  function columns(points) {
    const data = [[], [], [], []];
    let last = 0;
    for (const p of points) {
      const at = Date.parse(p.at) / 1000;
      if (last && at - last > pause) [last + 1, null, null, null].forEach((v, i) => data[i].push(v));
      [at, p.count, p.high, p.low].forEach((v, i) => data[i].push(v));
      last = at;
    }
    return data;
  }

  function options(figure, box, capacity) {
    const css = getComputedStyle(figure), color = name => css.getPropertyValue(name).trim();
    const zone = figure.dataset.zoneName, date = at => uPlot.tzDate(new Date(at * 1e3), zone);
    const from = +figure.dataset.from, to = +figure.dataset.to, line = color('--curve'), muted = color('--muted');
    const axis = { stroke: muted, font: '11px ' + css.fontFamily, grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
    const clock = at => { const d = date(at); return String(d.getHours()).padStart(2, '0') + ':' + String(d.getMinutes()).padStart(2, '0'); };
    const said = figure.querySelector('figcaption span'), rest = said.textContent;
    return {
      width: box.clientWidth, height: box.clientHeight, tzDate: date, padding: [6, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: true, range: [from, to] }, y: { range: u => [0, topOf(u.data, capacity)] } },
      axes: [
        { ...axis, size: 22, gap: 4, splits: () => [0, .25, .5, .75, 1].map(f => from + (to - from) * f), values: (u, all) => all.map(v => clock(v).slice(0, 2)) },
        { ...axis, size: 42, gap: 6, splits: u => { const t = topOf(u.data, capacity); return [0, t / 2, t]; }, values: (u, all) => all.map(v => whole.format(v)) },
      ],
      series: [{}, { stroke: line, width: 1.75, points: { show: false } }, { stroke: 'transparent', points: { show: false } }, { stroke: 'transparent', points: { show: false } }],
      bands: [{ series: [2, 3], fill: color('--curve-spread') }],
      hooks: {
        draw: [u => {
          const c = u.ctx, right = u.bbox.left + u.bbox.width, y = u.valToPos(capacity, 'y', true);
          c.save();
          c.font = 11 * devicePixelRatio + 'px ' + css.fontFamily;
          c.textAlign = 'right';
          c.fillStyle = color('--muted');
          if (y >= u.bbox.top) {
            c.strokeStyle = color('--b-full');
            c.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
            c.beginPath(); c.moveTo(u.bbox.left, y); c.lineTo(right, y); c.stroke();
          }
          c.fillText(figure.dataset.capacity + ' ' + whole.format(capacity) + (y < u.bbox.top ? ' ↑' : ''), right - 4, Math.max(y, u.bbox.top) + 14 * devicePixelRatio);
          c.restore();
        }],
        setCursor: [u => {
          const i = u.cursor.idx, v = i == null ? null : u.data[1][i];
          said.textContent = v == null ? rest : clock(u.data[0][i]) + ' · ' + whole.format(v) +
            (u.data[3][i] !== u.data[2][i] ? ' (' + whole.format(u.data[3][i]) + '–' + whole.format(u.data[2][i]) + ')' : '');
        }],
      },
    };
  }

  function draw(figure) {
    const have = charts.get(figure), box = figure.querySelector('.plot');
    if (have.chart) have.chart.destroy();
    box.classList.add('drawn');
    have.chart = new uPlot(options(figure, box, have.capacity), have.data, box);
    have.chart.root.setAttribute('aria-hidden', 'true');
  }

  async function load(figure) {
    try {
      const answer = await fetch('/api/v1/buildings/' + encodeURIComponent(figure.dataset.curve) + '/curve');
      if (!answer.ok) return;
      const curve = await answer.json(), from = +figure.dataset.from;
      const data = columns(curve.points.filter(p => Date.parse(p.at) / 1000 >= from));
      if (!data[0].length) return;
      charts.set(figure, { data, capacity: curve.capacity, liveAt: 0 });
      draw(figure);
    } catch { /* the server's drawing stays */ }
  }

  const all = [...document.querySelectorAll('[data-curve]')];
  all.forEach(load);
  setInterval(() => { if (!document.hidden) all.forEach(load); }, 5 * 60 * 1000);
  addEventListener('resize', () => charts.forEach((have, figure) => {
    const box = figure.querySelector('.plot');
    have.chart.setSize({ width: box.clientWidth, height: box.clientHeight });
  }));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => charts.forEach((have, figure) => draw(figure)));

  // The present value moves the end of the line, a new point at most every minute.
  document.addEventListener('kapija:building', e => charts.forEach((have, figure) => {
    const b = e.detail, now = Date.now() / 1000, n = have.data[0].length;
    if (figure.dataset.curve !== b.id || !b.known || now > +figure.dataset.to) return;
    const fresh = [now, b.count, b.high, b.low];
    if (now - have.liveAt < 60 && n) fresh.forEach((v, i) => { have.data[i][n - 1] = v; });
    else { fresh.forEach((v, i) => have.data[i].push(v)); have.liveAt = now; }
    have.chart.setData(have.data);
  }));
})();
