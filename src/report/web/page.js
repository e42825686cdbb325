// SPDX-License-Identifier: Apache-2.0
// The charts of a report, and what makes the page handier. Without this file the page says the same in its tables.
//
// Everything comes from the JSON in the page (#report): part of a "tcpdiag.report/1", with what each chart holds
// ("charts", "measures") beside it. Nothing is asked of any server, and text goes into the page as text only.
'use strict';

(() => {
  const report = JSON.parse(document.getElementById('report').textContent);
  const startMs = Date.parse(report.window.start_at);
  const whole = {min: 0, max: Math.max(report.window.duration_s, 0.001)};
  const view = {min: whole.min, max: whole.max};  // seconds since the start: what all time charts show
  const kSmallestView = 0.01;  // of the whole
  const kTableRows = 500;
  const byId = (id) => document.getElementById(id);
  const timeCharts = [];

  // --- Words -------------------------------------------------------------------------------------------------------

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  const iso = (seconds) => new Date(startMs + seconds * 1000).toISOString();
  const manyDays = iso(whole.min).slice(0, 10) !== iso(whole.max).slice(0, 10);

  // As in the tables: "02:33:50", with the day where the trace saw more than one.
  function clock(seconds, digits = 0) {
    const text = iso(seconds);
    return (manyDays ? text.slice(5, 10) + ' ' : '') + text.slice(11, digits > 0 ? 20 + digits : 19);
  }

  function duration(us) {
    if (us < 9.5) return `${us.toFixed(0)} us`;
    if (us < 99.5) return `${(us / 1e3).toFixed(2)} ms`;
    if (us < 9950) return `${(us / 1e3).toFixed(1)} ms`;
    if (us < 999500) return `${(us / 1e3).toFixed(0)} ms`;
    return `${(us / 1e6).toFixed(us < 99.95e6 ? 1 : 0)} s`;
  }

  const length = (seconds) => duration(seconds * 1e6);

  function figure(value) {
    if (value === null || value === undefined) return '-';
    if (value === 0 || Math.abs(value) >= 99.5) return value.toFixed(0);
    return value.toFixed(Math.abs(value) >= 9.95 ? 1 : Math.abs(value) >= 0.995 ? 2 : 3);
  }

  // --- Colours -----------------------------------------------------------------------------------------------------

  const kDashes = [[], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [12, 4], [4, 1]];
  let printing = false;

  // Those of the style sheet; on paper the light ones, whatever the screen has.
  function colours() {
    const style = getComputedStyle(printing ? document.querySelector('.paper') : document.documentElement);
    const named = (name) => style.getPropertyValue('--' + name).trim();
    return {
      text: named('text'), muted: named('muted'), line: named('line'), accent: named('accent'), surface: named('surface'),
      severity: (name) => named(name),
      dataset: (i) => named(`chart-${i % 7 + 1}`),
    };
  }
  let theme = colours();

  // --- Plugins: the findings' times, the time under the pointer, the range being dragged -----------------------------

  const kSpanHeight = 17;  // pixels, above the chart
  const marks = {findings: [], pointer: null, dragged: null};

  function drawSpan(chart, from, to, row, finding) {
    const {ctx, chartArea: area, scales: {x}} = chart;
    const left = Math.max(x.getPixelForValue(from), area.left);
    const right = Math.min(Math.max(x.getPixelForValue(to), left + 2), area.right);
    if (right < area.left || left > area.right) return;
    ctx.fillStyle = theme.severity(finding.severity);
    ctx.globalAlpha = 0.05;
    ctx.fillRect(left, area.top, right - left, area.bottom - area.top);
    ctx.globalAlpha = 1;
    const y = area.top - kSpanHeight * (row + 1);
    ctx.fillRect(left, y + kSpanHeight - 4, right - left, 2);
    ctx.font = `10px ${Chart.defaults.font.family}`;
    const words = `${finding.number} ${finding.code}`;
    ctx.textAlign = left + ctx.measureText(words).width > area.right ? 'right' : 'left';
    ctx.fillText(words, ctx.textAlign === 'left' ? left : area.right, y + kSpanHeight - 8);
  }

  const timePlugin = {
    id: 'time',
    beforeDatasetsDraw(chart) {
      chart.ctx.save();
      marks.findings.forEach((finding, row) => drawSpan(chart, finding.first_s, finding.last_s, row, finding));
      chart.ctx.restore();
    },
    afterDraw(chart) {
      const {ctx, chartArea: area, scales: {x}} = chart;
      const height = area.bottom - area.top;
      ctx.save();
      if (marks.pointer !== null && marks.pointer >= view.min && marks.pointer <= view.max) {
        ctx.fillStyle = theme.muted;
        ctx.fillRect(Math.round(x.getPixelForValue(marks.pointer)), area.top, 1, height);
      }
      if (marks.dragged) {
        const from = x.getPixelForValue(marks.dragged.from);
        ctx.fillStyle = theme.accent;
        ctx.globalAlpha = 0.2;
        ctx.fillRect(from, area.top, x.getPixelForValue(marks.dragged.to) - from, height);
      }
      ctx.restore();
    },
  };

  const percentilePlugin = {
    id: 'percentiles',
    afterDatasetsDraw(chart) {
      const {ctx, chartArea: area, scales: {x}, config: {options}} = chart;
      ctx.save();
      ctx.font = `10px ${Chart.defaults.font.family}`;
      ctx.fillStyle = theme.text;
      options.percentiles.forEach(([name, us], row) => {
        const at = Math.round(x.getPixelForValue(us));
        ctx.fillRect(at, area.top - 8 - 12 * row, 1, area.bottom - area.top + 8 + 12 * row);
        const words = `${name} ${duration(us)}`;
        const fits = at + 4 + ctx.measureText(words).width < area.right;
        ctx.textAlign = fits ? 'left' : 'right';
        ctx.fillText(words, at + (fits ? 4 : -4), area.top - 2 - 12 * row);
      });
      ctx.restore();
    },
  };

  // --- Axes ----------------------------------------------------------------------------------------------------------

  const kSteps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
    7200, 10800, 21600, 43200, 86400, 172800, 604800];

  // Ticks at round times of UTC, not at round numbers of seconds since the start.
  function timeTicks(scale) {
    const most = Math.max(2, Math.floor(scale.width / (manyDays ? 100 : 66)));
    const step = kSteps.find((s) => (scale.max - scale.min) / s <= most) ?? kSteps.at(-1);
    const before = startMs / 1000;
    const ticks = [];
    for (let i = Math.ceil((before + scale.min) / step); i * step - before <= scale.max; ++i) {
      const value = i * step - before;
      ticks.push({value});
    }
    scale.digits = step < 1 ? 3 : 0;
    scale.ticks = ticks;
  }

  function timeLabel(value) {
    return clock(value + 1e-6, this.digits);
  }

  function delayTicks(scale) {
    const ticks = [];
    const few = scale.max / scale.min < 100;
    for (let power = 1; power < 1e12; power *= 10) {
      for (const value of few ? [power, 2 * power, 5 * power] : [power]) {
        if (value >= scale.min && value <= scale.max) ticks.push({value});
      }
    }
    scale.ticks = ticks;
  }

  const title = (text) => ({display: true, text, color: theme.muted});
  const looks = (callback) => ({grid: {color: theme.line}, ticks: {color: theme.muted, maxRotation: 0, autoSkip: false, callback}});

  function figureAxis(words, logarithmic) {
    return {
      grid: {color: theme.line}, type: logarithmic ? 'logarithmic' : 'linear', beginAtZero: !logarithmic, title: title(words),
      ticks: {color: theme.muted, maxTicksLimit: 6, callback: (value) => String(Number(value.toPrecision(3)))},
      afterFit(scale) { scale.width = 74; },  // The same for all, so that their times stand below each other.
    };
  }

  // --- Charts over time ----------------------------------------------------------------------------------------------

  const seriesOf = (chart, endpoint) => chart.of_endpoint ? endpoint.series : chart.series;

  // Points in the middle of the interval that a value is of.
  function points(line, chart, endpoint) {
    const series = seriesOf(chart, endpoint);
    const values = series[line.key];
    if (!values || values.every((value) => value === null)) return null;
    const scale = line.factor / (line.per_second ? series.interval_s : 1);
    return values.map((value, i) => ({
      x: series.start_offset_us / 1e6 + (i + 0.5) * series.interval_s,
      y: value === null ? null : value * scale,
    }));
  }

  const isAlone = (data, i) => data[i].y !== null && (data[i - 1]?.y ?? null) === null && (data[i + 1]?.y ?? null) === null;

  function timeDatasets(chart, endpoint) {
    const sets = [];
    chart.lines.forEach((line, i) => {
      const data = points(line, chart, endpoint);
      if (!data) return;
      sets.push({
        label: line.label, key: line.key, data, stepped: 'middle', borderWidth: 1.5, borderDash: kDashes[i % 7],
        borderColor: theme.dataset(i), backgroundColor: theme.dataset(i), slot: i, spanGaps: false, pointHitRadius: 4,
        pointRadius: (context) => isAlone(data, context.dataIndex) ? 2 : 0,
      });
    });
    return sets;
  }

  const isShown = (point) => point.y !== null && point.x >= view.min && point.x <= view.max;

  // What a person who does not see the chart needs of it.
  function summary(chart) {
    const parts = chart.data.datasets.map((set) => {
      const shown = set.data.filter(isShown);
      if (shown.length === 0) return `${set.label}: nothing measured`;
      const most = shown.reduce((a, b) => (b.y > a.y ? b : a));
      const mean = shown.reduce((sum, point) => sum + point.y, 0) / shown.length;
      return `${set.label}: mean ${figure(mean)}, most ${figure(most.y)} at ${clock(most.x)}`;
    });
    return `${chart.config.options.words}, ${clock(view.min)} to ${clock(view.max)} UTC. ${parts.join('; ')}.`;
  }

  function numbersTable(chart) {
    const sets = chart.data.datasets;
    const rows = [];
    const caption = element('caption', {});
    let left = 0;
    sets[0].data.forEach((point, i) => {
      if (point.x < view.min || point.x > view.max) return;
      if (rows.length === kTableRows) return void ++left;
      const cells = sets.map((set) => element('td', {class: 'n'}, figure(set.data[i].y)));
      rows.push(element('tr', {}, element('th', {scope: 'row'}, clock(point.x, 1)), ...cells));
    });
    caption.append(chart.config.options.words + (left > 0 ? `; ${left} further rows: zoom in` : ''));
    const heads = ['middle of the interval, UTC', ...sets.map((set) => set.label)];
    return element('table', {}, caption,
      element('thead', {}, element('tr', {}, ...heads.map((h, i) => element('th', {scope: 'col', class: i > 0 ? 'n' : ''}, h)))),
      element('tbody', {}, ...rows));
  }

  function fillNumbers(plot) {
    if (plot.details.open) plot.box.replaceChildren(numbersTable(plot.chart));
    else plot.box.replaceChildren();
  }

  function describe(plot) {
    plot.canvas.setAttribute('aria-label', summary(plot.chart));
    fillNumbers(plot);
  }

  function timeOptions(unit, words) {
    return {
      responsive: true, maintainAspectRatio: false, animation: false, normalized: true, words, log: false,
      interaction: {mode: 'index', axis: 'x', intersect: false},
      layout: {padding: {top: 4 + kSpanHeight * marks.findings.length, right: 8}},
      plugins: {
        legend: {position: 'bottom', align: 'start', labels: {color: theme.text, boxWidth: 26, boxHeight: 0}},
        tooltip: {callbacks: {
          title: (items) => clock(items[0].parsed.x, 1) + ' UTC',
          label: (item) => `${item.dataset.label}: ${figure(item.parsed.y)} ${unit}`,
        }},
      },
      scales: {
        x: {...looks(timeLabel), type: 'linear', min: view.min, max: view.max, afterBuildTicks: timeTicks},
        y: figureAxis(unit, false),
      },
    };
  }

  function makePlot(chart, endpoint) {
    const datasets = timeDatasets(chart, endpoint);
    if (datasets.length === 0) return;
    const unit = chart.unit.replace('interval', length(seriesOf(chart, endpoint).interval_s));
    const words = chart.of_endpoint ? `${chart.title} of ${endpoint.name}, ${unit}` : `${chart.title}, ${unit}`;
    const canvas = element('canvas', {role: 'img', id: `chart-${chart.id}`});
    const box = element('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Numbers: ${words}`});
    const details = element('details', {class: 'numbers'}, element('summary', {}, 'Numbers of ' + chart.title.toLowerCase()), box);
    const node = element('figure', {}, element('figcaption', {}, `${chart.title}, ${unit}`),
      element('div', {class: 'plot' + (datasets.length > 4 ? ' tall' : '')}, canvas), details);
    byId('plots').append(node);
    const plot = {canvas, box, details, chart: null, spec: chart};
    plot.chart = new Chart(canvas, {type: 'line', data: {datasets}, options: timeOptions(unit, words), plugins: [timePlugin]});
    details.addEventListener('toggle', () => fillNumbers(plot));
    listen(plot);
    describe(plot);
    timeCharts.push(plot);
  }

  // --- One range for all -----------------------------------------------------------------------------------------------

  function redraw() {
    for (const plot of timeCharts) plot.chart.draw();
  }

  function show(min, max) {
    const smallest = (whole.max - whole.min) * kSmallestView;
    const size = Math.min(Math.max(max - min, smallest), whole.max - whole.min);
    const middle = (min + max) / 2;
    view.min = Math.min(Math.max(middle - size / 2, whole.min), whole.max - size);
    view.max = view.min + size;
    for (const plot of timeCharts) {
      Object.assign(plot.chart.options.scales.x, view);
      plot.chart.update('none');
      describe(plot);
    }
    const isWhole = size >= (whole.max - whole.min) * (1 - 1e-9);
    byId('range').value = `${clock(view.min)} .. ${clock(view.max)} UTC (${length(size)})`;
    byId('zoom-out').disabled = byId('zoom-all').disabled = isWhole;
    byId('zoom-in').disabled = size <= smallest * (1 + 1e-9);
    byId('earlier').disabled = view.min <= whole.min;
    byId('later').disabled = view.max >= whole.max;
  }

  function zoom(factor) {
    const middle = (view.min + view.max) / 2;
    const half = (view.max - view.min) / 2 * factor;
    show(middle - half, middle + half);
  }

  function move(share) {
    const by = (view.max - view.min) * share;
    show(view.min + by, view.max + by);
  }

  // A button that becomes disabled would lose the focus to the page.
  function keepFocus(button, next) {
    button.addEventListener('click', () => button.disabled && byId(next).focus());
  }

  function listen(plot) {
    const timeAt = (event) => {
      const box = plot.canvas.getBoundingClientRect();
      const value = plot.chart.scales.x.getValueForPixel(event.clientX - box.left);
      return Math.min(Math.max(value, view.min), view.max);
    };
    plot.canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      marks.dragged = {from: timeAt(event), to: timeAt(event)};
      plot.canvas.setPointerCapture(event.pointerId);
    });
    plot.canvas.addEventListener('pointermove', (event) => {
      marks.pointer = timeAt(event);
      if (marks.dragged) marks.dragged.to = marks.pointer;
      redraw();
    });
    const end = (zooms) => () => {
      const dragged = marks.dragged;
      marks.dragged = null;
      if (!dragged) return;
      const [from, to] = [dragged.from, dragged.to].sort((a, b) => a - b);
      if (zooms && to - from > (view.max - view.min) * 0.01) show(from, to);
      else redraw();
    };
    plot.canvas.addEventListener('pointerup', end(true));
    plot.canvas.addEventListener('pointercancel', end(false));
    plot.canvas.addEventListener('pointerleave', () => {
      marks.pointer = null;
      redraw();
    });
    plot.canvas.addEventListener('dblclick', () => show(whole.min, whole.max));
  }

  function chooseEndpoint(endpoint) {
    for (const plot of timeCharts) plot.chart.destroy();
    timeCharts.length = 0;
    byId('plots').replaceChildren();
    marks.findings = report.findings.filter((f) => f.endpoint === null || f.endpoint === endpoint?.id).slice(0, 4);
    for (const chart of report.charts) if (!chart.of_endpoint || endpoint) makePlot(chart, endpoint);
    byId('no-series').hidden = timeCharts.length > 0;
    byId('logarithmic-label').hidden = !timeCharts.some((plot) => plot.spec.may_be_logarithmic);
    useLogarithm();
    show(view.min, view.max);
  }

  function useLogarithm() {
    for (const plot of timeCharts) {
      if (!plot.spec.may_be_logarithmic) continue;
      plot.chart.options.scales.y = figureAxis(plot.spec.unit, byId('logarithmic').checked);
      plot.chart.update('none');
    }
  }

  // --- Histograms --------------------------------------------------------------------------------------------------------

  let histogram = null;
  const kLeastUs = 0.5;  // where a bucket that begins at 0 begins on a logarithmic axis

  function steps(buckets) {
    const data = [];
    let end = null;
    for (const [low, high, count] of buckets) {
      if (end !== null && low > end) data.push({x: end, y: 0});
      data.push({x: Math.max(low, kLeastUs), y: count, low, high});
      end = high;
    }
    data.push({x: end, y: 0});
    return data;
  }

  function histogramOptions(measure, endpoint, h, data) {
    const bucketOf = (item) => item.raw;
    return {
      responsive: true, maintainAspectRatio: false, animation: false,
      percentiles: [['p50', h.p50], ['p90', h.p90], ['p99', h.p99]].map(([n, us]) => [n, Math.max(us, kLeastUs)]),
      layout: {padding: {top: 40, right: 8}},
      interaction: {mode: 'nearest', axis: 'x', intersect: false},
      plugins: {
        legend: {display: false},
        tooltip: {
          filter: (item) => bucketOf(item).low !== undefined,
          callbacks: {
            title: (items) => items.length === 0 ? '' :
              `${duration(bucketOf(items[0]).low)} to ${duration(bucketOf(items[0]).high)}`,
            label: (item) => `${item.parsed.y} of ${h.count} samples (${figure(100 * item.parsed.y / h.count)} %)`,
          },
        },
      },
      scales: {
        x: {
          ...looks(duration), type: 'logarithmic', min: data[0].x / 1.3, max: data.at(-1).x * 1.3, afterBuildTicks: delayTicks,
          title: title(`${measure.name}, logarithmic`),
        },
        y: figureAxis('samples per bucket', false),
      },
    };
  }

  function bucketTable(words, h) {
    const rows = h.buckets.map(([low, high, count]) => element('tr', {}, element('td', {class: 'n'}, String(low)),
      element('td', {class: 'n'}, String(high)), element('td', {class: 'n'}, String(count))));
    const heads = ['from (us)', 'to below (us)', 'samples'].map((text) => element('th', {scope: 'col', class: 'n'}, text));
    return element('table', {}, element('caption', {}, words), element('thead', {}, element('tr', {}, ...heads)),
      element('tbody', {}, ...rows));
  }

  const measureWords = (measure, endpoint) => endpoint.role === 'inbound' ? measure.inbound_words : measure.words;

  function showHistogram() {
    const endpoint = report.endpoints.find((e) => e.id === byId('histogram-endpoint').value);
    const measure = report.measures.find((m) => m.name === byId('histogram-measure').value);
    const h = endpoint.histograms[measure.name];
    const data = steps(h.buckets);
    const words = `${measure.name} of ${endpoint.name}: ${measureWords(measure, endpoint)}`;
    histogram?.destroy();
    const canvas = byId('chart-histogram');
    histogram = new Chart(canvas, {
      type: 'line',
      data: {datasets: [{label: measure.name, data, stepped: 'before', fill: 'origin', borderWidth: 1.5, pointRadius: 0,
        borderColor: theme.dataset(0), backgroundColor: theme.dataset(0) + '40', slot: 0}]},
      options: histogramOptions(measure, endpoint, h, data),
      plugins: [percentilePlugin],
    });
    byId('histogram-words').textContent = words;
    canvas.setAttribute('aria-label', `${words}. ${h.count} samples, p50 ${duration(h.p50)}, p90 ${duration(h.p90)}, ` +
      `p99 ${duration(h.p99)}, max ${duration(h.max)}.`);
    byId('buckets').replaceChildren(bucketTable(`${words}; buckets of the histogram`, h));
  }

  function fillMeasures() {
    const endpoint = report.endpoints.find((e) => e.id === byId('histogram-endpoint').value);
    const select = byId('histogram-measure');
    const wanted = select.value;
    const known = report.measures.filter((m) => endpoint.histograms[m.name]);
    select.replaceChildren(...known.map((m) => element('option', {value: m.name}, `${m.name}: ${measureWords(m, endpoint)}`)));
    if (known.some((m) => m.name === wanted)) select.value = wanted;
    showHistogram();
  }

  // --- The page ------------------------------------------------------------------------------------------------------------

  function fillEndpoints(select, endpoints) {
    select.replaceChildren(...endpoints.map((e) => element('option', {value: e.id}, e.name)));
  }

  function applyTheme() {
    theme = colours();
    for (const chart of [...timeCharts.map((plot) => plot.chart), histogram]) {
      if (!chart) continue;
      for (const set of chart.data.datasets) {
        set.borderColor = theme.dataset(set.slot);
        set.backgroundColor = theme.dataset(set.slot) + (set.fill ? '40' : '');
      }
      for (const axis of Object.values(chart.options.scales)) {
        axis.grid.color = theme.line;
        axis.ticks.color = theme.muted;
        if (axis.title) axis.title.color = theme.muted;
      }
      if (chart.options.plugins.legend.labels) chart.options.plugins.legend.labels.color = theme.text;
      chart.update('none');
    }
  }

  // On paper nothing can be opened: all is shown, but for the charts' numbers.
  let closed = [];
  function print(begins) {
    if (printing === begins) return;
    printing = begins;
    if (begins) {
      closed = [...document.querySelectorAll('details:not([open], .numbers)')];
      for (const details of closed) details.open = true;
    } else {
      for (const details of closed) details.open = false;
    }
    applyTheme();
  }

  // A link to something in a closed part opens it.
  function reveal() {
    const target = location.hash.length > 1 ? byId(location.hash.slice(1)) : null;
    for (let at = target; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
    target?.scrollIntoView();
  }

  function findingButtons() {
    const buttons = report.findings.map((finding) => {
      const button = element('button', {type: 'button'}, `Finding ${finding.number}`);
      button.title = finding.title;
      button.addEventListener('click', () => {
        const margin = Math.max((finding.last_s - finding.first_s) * 0.1, (whole.max - whole.min) * 0.02);
        show(finding.first_s - margin, finding.last_s + margin);
      });
      return button;
    });
    byId('zoom-findings').replaceChildren(...buttons.slice(0, 6));
  }

  function start() {
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 11;
    const inTime = report.endpoints.filter((e) => e.series.n > 0);
    const measured = report.endpoints.filter((e) => Object.keys(e.histograms).length > 0);
    const chosen = byId('time-endpoint');
    if (inTime.length > 0 || report.charts.some((chart) => !chart.of_endpoint)) {
      fillEndpoints(chosen, inTime);
      byId('time-endpoint-label').hidden = inTime.length === 0;
      byId('time-charts').hidden = false;
      const choose = () => chooseEndpoint(inTime.find((e) => e.id === chosen.value));
      chosen.addEventListener('change', choose);
      const onClick = (id, action) => byId(id).addEventListener('click', action);
      onClick('zoom-in', () => zoom(0.5));
      onClick('zoom-out', () => zoom(2));
      onClick('earlier', () => move(-0.5));
      onClick('later', () => move(0.5));
      onClick('zoom-all', () => show(whole.min, whole.max));
      keepFocus(byId('zoom-in'), 'zoom-out');
      for (const id of ['zoom-out', 'zoom-all', 'earlier', 'later']) keepFocus(byId(id), 'zoom-in');
      byId('logarithmic').addEventListener('change', useLogarithm);
      findingButtons();
      choose();
    }
    if (measured.length > 0) {
      fillEndpoints(byId('histogram-endpoint'), measured);
      byId('histograms').hidden = false;
      byId('histogram-endpoint').addEventListener('change', fillMeasures);
      byId('histogram-measure').addEventListener('change', showHistogram);
      fillMeasures();
    }
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', applyTheme);
    matchMedia('print').addEventListener('change', (event) => print(event.matches));
    addEventListener('beforeprint', () => print(true));
    addEventListener('afterprint', () => print(false));
    addEventListener('hashchange', reveal);
    reveal();
  }

  start();
})();
