(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('report-data').textContent);
  const byId = (id) => document.getElementById(id);
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const isSingle = data.maps.length === 1 && Array.isArray(data.sites);
  const columns = data.roles.length;
  let frame = data.steps.length - 1;
  let chosen = null;

  const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
  // textContent everywhere: names from files never become markup.
  const node = (name, attributes, text) => {
    const space = ['svg', 'path', 'line', 'circle', 'text', 'title', 'g'].includes(name)
      ? 'http://www.w3.org/2000/svg' : 'http://www.w3.org/1999/xhtml';
    const made = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // ---- The maps ----
  // Of one run each tower has a map of its own; its rows are counted from those of the towers before it.
  const towers = data.towers ? [...new Set(data.towers)] : [];
  const hasTowerMaps = isSingle && towers.length > 1;
  const firstRow = (group) => (hasTowerMaps ? data.towers.indexOf(towers[Number(group.dataset.map)]) : 0);
  const cellsOf = (figure) => all(`figure[data-figure="${figure}"] g[data-map]`).map((group) => ({
    group, map: hasTowerMaps ? 0 : Number(group.dataset.map), rect: group.querySelector('rect'), text: group.querySelector('text'),
    note: group.querySelector('rect > title'), shown: undefined, level: group.getAttribute('class'),
    cell: (Number(group.dataset.row) + firstRow(group)) * columns + Number(group.dataset.column),
  }));
  const rankCells = cellsOf('ranks');
  const differenceCells = cellsOf('difference');

  const layerName = (tower, layer) => (tower ? `${tower[0].toUpperCase()}${tower.slice(1)} layer ${layer}` : `Layer ${layer}`);
  const cellName = (cell) => {
    const row = Math.floor(cell / columns);
    return `${layerName(data.towers && data.towers[row], data.layers[row])}, ${data.roles[cell % columns]}`;
  };

  // `text: 24 (33.3%)` above each tower's map
  const paintTowerTitles = () => {
    if (!hasTowerMaps) return;
    const sums = towers.map(() => 0);
    data.maps[0].ranks[frame].forEach((rank, cell) => {
      sums[towers.indexOf(data.towers[Math.floor(cell / columns)])] += rank || 0;
    });
    const whole = sums.reduce((sum, one) => sum + one, 0);
    for (const svg of all('figure[data-figure="ranks"] svg')) {
      const titles = Array.from(svg.children).filter((child) => child.matches('text.b')).slice(1);
      if (titles.length !== towers.length) continue;
      titles.forEach((title, at) => {
        const share = whole > 0 ? ` (${(100 * sums[at] / whole).toFixed(1)}%)` : '';
        title.textContent = `${towers[at]}: ${grouped(sums[at])}${share}`;
      });
    }
  };

  const fill = (entry, value, level, isEmpty, label) => {
    if (entry.shown === value) return;
    entry.shown = value;
    entry.group.classList.remove(entry.level);
    entry.level = `q${level}`;
    entry.group.classList.add(entry.level);
    entry.rect.setAttribute('class', isEmpty ? 'zero' : 'c');
    if (entry.text) {
      entry.text.textContent = label;
      entry.text.setAttribute('class', isEmpty ? 'm' : 'v');
    }
    if (entry.note) entry.note.textContent = `${cellName(entry.cell)}: ${label}`;
    if (isSingle) entry.group.setAttribute('aria-label', `${cellName(entry.cell)}: rank ${label}`);
  };

  // As made, the maps show the last step on a scale of its own. Once a reader goes through the steps, one scale for all of
  // them makes the maps compare.
  let isPageScale = false;
  const usePageScale = () => {
    if (isPageScale) return;
    isPageScale = true;
    for (const legend of all('g[data-legend]')) {
      if (legend.dataset.legend === 'page') legend.removeAttribute('display'); else legend.setAttribute('display', 'none');
    }
  };

  const nameCells = () => {
    for (const entry of isSingle ? rankCells : []) {
      const rank = data.maps[entry.map].ranks[frame][entry.cell];
      if (rank !== null) entry.group.setAttribute('aria-label', `${cellName(entry.cell)}: rank ${rank}`);
    }
  };

  const paintMaps = () => {
    if (frame !== data.steps.length - 1) usePageScale();
    if (!isPageScale) {
      nameCells();
      return;
    }
    for (const entry of rankCells) {
      const rank = data.maps[entry.map].ranks[frame][entry.cell];
      if (rank !== null) fill(entry, rank, data.levels[rank], rank === 0, String(rank));
    }
    const first = data.maps[0];
    const middle = (data.differenceLevels.length - 1) / 2;
    for (const entry of differenceCells) {
      const rank = data.maps[entry.map + 1].ranks[frame][entry.cell];
      const other = first.ranks[frame][entry.cell];
      if (rank === null || other === null) continue;
      const value = rank - other;
      const label = value < 0 ? `\u2212${-value}` : String(value);
      fill(entry, value, data.differenceLevels[value + middle], false, label);
    }
    paintTowerTitles();
    const after = `after step ${grouped(data.steps[frame])}`;
    for (const title of all('figure[data-figure="ranks"] svg > text.b:first-of-type')) title.textContent = `Rank ${after}`;
    for (const title of all('figure[data-figure="difference"] svg > text.b:first-of-type')) {
      title.textContent = `Difference ${after}`;
    }
  };

  // ---- A line at the step of the slider through every chart over steps ----
  const cursors = all('figure svg g[data-low]').map((plot) => {
    const [low, high, left, right] = ['low', 'high', 'left', 'right'].map((key) => Number(plot.dataset[key]));
    const line = node('line', { class: 'cursor', y1: plot.dataset.top, y2: plot.dataset.bottom });
    plot.appendChild(line);
    return { line, place: (step) => left + (step - low) / (high - low) * (right - left) };
  });

  const paintCursors = () => {
    const isEnd = frame === data.steps.length - 1;
    for (const { line, place } of cursors) {
      const x = place(data.steps[frame]);
      line.setAttribute('x1', x);
      line.setAttribute('x2', x);
      // At the end there is nothing to point at.
      line.setAttribute('visibility', isEnd ? 'hidden' : 'visible');
    }
  };

  // ---- The chosen matrix ----
  const lastAt = (steps, step) => {
    let at = 0;
    while (at + 1 < steps.length && steps[at + 1] <= step) at += 1;
    return at;
  };
  const shortNumber = (value) => {
    if (value === null) return 'not finite';
    if (value === 0) return '0';
    const size = Math.abs(value);
    return size >= 1e-3 && size < 1e5 ? value.toPrecision(4) : value.toExponential(2).replace('-', '\u2212');
  };

  // Drawn at the width there is, so that its letters keep their size.
  const room = () => Math.max(200, Math.min(520, byId('site').clientWidth - 34));

  const trace = (site) => {
    const width = room();
    const cell = data.positions.indexOf(site);
    const ranks = data.maps[0].ranks.map((row) => row[cell]);
    const top = Math.max(1, ...ranks);
    const end = data.steps[data.steps.length - 1];
    const x = (step) => 24 + (width - 34) * (end > data.steps[0] ? (step - data.steps[0]) / (end - data.steps[0]) : 1);
    const y = (rank) => 50 - 42 * rank / top;
    let path = `M${x(data.steps[0])} ${y(ranks[0])}`;
    ranks.forEach((rank, at) => { path += `H${x(data.steps[at]).toFixed(1)}V${y(rank).toFixed(1)}`; });
    const svg = node('svg', {
      viewBox: `0 0 ${width} 56`, width, height: 56, role: 'img',
      'aria-label': `Rank over the run: ${ranks[0]} at first, ${ranks[ranks.length - 1]} at the end`,
    });
    svg.append(
      node('line', { class: 'base', x1: 24, x2: width - 10, y1: 50, y2: 50 }), node('path', { class: 'trace', d: path }),
      node('text', { x: 19, y: 54, 'text-anchor': 'end' }, '0'), node('text', { x: 19, y: 13, 'text-anchor': 'end' }, String(top)),
      node('circle', { class: 'kept', cx: x(data.steps[frame]), cy: y(ranks[frame]), r: 4 }));
    return svg;
  };

  const scores = (site, at) => {
    const values = data.triplets.scores[at][site];
    const kept = data.triplets.kept[at][site];
    const width = room();
    const usable = values.map((value, index) => ({ value, isKept: kept[index] === '1' }))
      .filter(({ value }) => value !== null && value > 0);
    if (!usable.length) return null;
    const logs = usable.map(({ value }) => Math.log10(value));
    // Scores that decayed for the rest of the run would push all others together.
    const top = Math.ceil(Math.max(...logs));
    const low = Math.max(Math.floor(Math.min(...logs)), top - 12);
    const high = Math.max(top, low + 1);
    const below = logs.filter((log) => log < low).length;
    const x = (value) => 8 + (width - 16) * Math.max(Math.log10(value) - low, 0) / (high - low);
    const count = usable.filter(({ isKept }) => isKept).length;
    const svg = node('svg', {
      viewBox: `0 0 ${width} 40`, width, height: 40, role: 'img',
      'aria-label': `Importance of ${count} kept and ${usable.length - count} pruned triplets, `
        + `from ${shortNumber(Math.min(...usable.map((one) => one.value)))} to ${shortNumber(Math.max(...usable.map((one) => one.value)))}`,
    });
    svg.append(node('line', { class: 'base', x1: 8, x2: width - 8, y1: 12, y2: 12 }));
    for (const { value, isKept } of usable) {
      const dot = node('circle', { class: isKept ? 'kept' : 'pruned', cx: x(value).toFixed(1), cy: 12, r: 5, 'fill-opacity': 0.75 });
      dot.append(node('title', {}, `${isKept ? 'kept' : 'pruned'}, ${shortNumber(value)}`));
      svg.append(dot);
    }
    svg.append(
      node('text', { x: 8, y: 34 }, `${below ? '≤ ' : ''}${shortNumber(10 ** low)}`),
      node('text', { x: width - 8, y: 34, 'text-anchor': 'end' }, shortNumber(10 ** high)),
      node('text', { x: width / 2, y: 34, 'text-anchor': 'middle' }, 'filled: kept, hollow: pruned'));
    return svg;
  };

  const paintSite = () => {
    if (!isSingle || chosen === null || !byId('site')) return;
    const site = data.sites[chosen];
    const rank = data.maps[0].ranks[frame][data.positions.indexOf(chosen)];
    byId('site-title').textContent = `${layerName(site.tower, site.layer)}, ${site.role}`;
    const facts = [`${grouped(site.outputs)} × ${grouped(site.inputs)}`, `rank ${rank} after step ${grouped(data.steps[frame])}`];
    byId('site-trace').replaceChildren(node('h4', {}, 'Rank over the run'), trace(chosen));
    const triplets = data.triplets;
    if (triplets) {
      const at = lastAt(triplets.steps, data.steps[frame]);
      const isEarly = triplets.steps[at] > data.steps[frame];
      const values = isEarly ? [] : triplets.values[at][chosen];
      const share = triplets.shares[at][chosen];
      const error = triplets.errors[at][chosen];
      if (!isEarly && share !== null) facts.push(`${(100 * share).toFixed(1)}% of the energy of all matrices`);
      if (!isEarly && error !== null) facts.push(`${shortNumber(error)} from orthonormal`);
      byId('values-title').textContent = isEarly
        ? `Singular values: recorded from step ${grouped(triplets.steps[0])}`
        : `Singular values after step ${grouped(triplets.steps[at])}`;
      // The scale is that of the whole run, so that growth shows.
      const largest = Math.max(0, ...triplets.values.map((sites) => sites[chosen][0] || 0));
      byId('site-values').replaceChildren(...values.map((value) => {
        const item = node('li');
        const bar = node('span', { class: 'bar' });
        bar.style.width = `${largest > 0 && value !== null ? (100 * value / largest).toFixed(1) : 0}%`;
        item.append(bar, node('span', {}, shortNumber(value)));
        return item;
      }));
      if (!isEarly && !values.length) {
        byId('site-values').replaceChildren(node('li', {}, 'rank 0: nothing is left of its update'));
      }
      const strip = isEarly ? null : scores(chosen, at);
      byId('site-scores').replaceChildren(...(strip ? [node('h4', {}, 'Importance of its triplets'), strip] : []));
    }
    byId('site-facts').textContent = facts.join(' · ');
  };

  // Where the reader is, for when the page comes anew: a later step may be the last one then.
  const remember = (what) => {
    try {
      history.replaceState({ ...history.state, ...what }, '');
    } catch (error) {
      // Browsers refuse it where it comes too often; the page is no worse for that.
    }
  };
  const rememberStep = () => remember({ step: frame === data.steps.length - 1 ? null : data.steps[frame] });

  const choose = (site) => {
    chosen = site;
    remember({ site });
    const cell = data.positions.indexOf(site);
    for (const entry of rankCells) {
      // A hole in the map is no button.
      if (!entry.group.hasAttribute('role')) continue;
      const isChosen = entry.cell === cell;
      entry.group.classList.toggle('chosen', isChosen);
      entry.group.setAttribute('aria-pressed', String(isChosen));
      entry.group.setAttribute('tabindex', isChosen ? '0' : '-1');
    }
    paintSite();
  };

  const focusBeside = (entry, rows, across) => {
    const svg = entry.group.closest('svg');
    const row = Number(entry.group.dataset.row);
    const column = Number(entry.group.dataset.column);
    // Over holes in the map to the next matrix.
    for (let step = 1; step < Math.max(data.layers.length, columns); step += 1) {
      const next = svg.querySelector(`g[role="button"][data-map="${entry.group.dataset.map}"][data-row="${row + rows * step}"][data-column="${column + across * step}"]`);
      if (next) {
        next.focus();
        return;
      }
    }
  };

  const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const makeCellsButtons = () => {
    for (const svg of all('figure[data-figure="ranks"] svg')) svg.setAttribute('role', 'group');
    for (const entry of rankCells) {
      const site = data.positions[entry.cell];
      if (site === null || site === undefined) continue;
      entry.group.setAttribute('role', 'button');
      entry.group.addEventListener('click', () => choose(site));
      entry.group.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          choose(site);
        } else if (arrows[event.key]) {
          event.preventDefault();
          focusBeside(entry, ...arrows[event.key]);
        }
      });
      // Moving through the map shows each matrix at once.
      entry.group.addEventListener('focus', () => choose(site));
    }
  };

  // ---- Slider and button ----
  const slider = byId('frame');
  const play = byId('play');
  let timer = null;

  const paint = () => {
    paintMaps();
    paintCursors();
    paintSite();
    if (!slider) return;
    const step = data.steps[frame];
    const parts = [`Step ${grouped(step)} of ${grouped(data.lastStep)}`];
    if (data.phases && data.phases.length) {
      parts.push((data.phases.find((one) => step <= one.to) || data.phases[data.phases.length - 1]).label);
      parts.push(`budget ${grouped(data.budgets[frame])}${data.unit === 'parameters' ? ' parameters' : ''}`);
    }
    const text = parts.join(' · ');
    byId('frame-text').textContent = text;
    slider.value = String(frame);
    slider.setAttribute('aria-valuetext', text);
  };

  const stop = () => {
    if (timer !== null) clearInterval(timer);
    timer = null;
    delete document.body.dataset.playing;
    if (play) play.textContent = 'Play';
  };
  const start = () => {
    if (frame === data.steps.length - 1) frame = 0;
    paint();
    play.textContent = 'Pause';
    document.body.dataset.playing = '';
    timer = setInterval(() => {
      frame += 1;
      paint();
      if (frame < data.steps.length - 1) return;
      stop();
      rememberStep();
    }, Math.min(600, Math.max(40, 9000 / data.steps.length)));
  };

  if (slider) {
    byId('player').hidden = false;
    slider.addEventListener('input', () => {
      stop();
      frame = Number(slider.value);
      paint();
    });
    slider.addEventListener('change', rememberStep);
    play.addEventListener('click', () => {
      if (timer === null) {
        start();
      } else {
        stop();
        rememberStep();
      }
    });
  }

  // ---- Saving ----
  const save = (name, type, text) => {
    const link = node('a', { download: name, href: URL.createObjectURL(new Blob([text], { type })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  for (const tools of all('.tools')) tools.hidden = false;
  for (const button of all('button[data-save]')) {
    button.addEventListener('click', () => {
      const id = button.dataset.of;
      const name = `${data.name}-${id}`.replace(/[^A-Za-z0-9._-]+/g, '_');
      if (button.dataset.save === 'csv') {
        save(`${name}.csv`, 'text/csv', data.tables[id]);
        return;
      }
      const copy = button.closest('figure').querySelector('.wide svg').cloneNode(true);
      for (const line of all('.cursor', copy)) line.remove();
      for (const group of all('g[data-map]', copy)) {
        for (const name of ['role', 'tabindex', 'aria-label', 'aria-pressed']) group.removeAttribute(name);
        group.classList.remove('chosen');
      }
      // For white paper, whatever this page looks like.
      const style = copy.querySelector('style');
      const dark = style.textContent.indexOf('@media (prefers-color-scheme: dark)');
      if (dark >= 0) style.textContent = style.textContent.slice(0, dark);
      save(`${name}.svg`, 'image/svg+xml', new XMLSerializer().serializeToString(copy));
    });
  }

  const before = history.state || {};
  if (Number.isInteger(before.step)) frame = lastAt(data.steps, before.step);
  if (isSingle && rankCells.length) {
    makeCellsButtons();
    paint();
    choose(data.positions.includes(before.site) ? before.site : data.first);
  } else if (data.steps.length) {
    paint();
  }
})();
