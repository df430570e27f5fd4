"""Checks report pages in headless Chromium; see report-check.sh. Exits with 1 and a line for each failure."""

import base64
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import axe_core_python
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
failures = []


def expect(condition, text):
    if not condition:
        failures.append(text)
        print(f"FAIL  {text}")


class Page:
    """A fresh browser: console and network belong to one page each."""

    def __init__(self, file, script=True, downloads=None):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        if downloads:
            options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        # A page of 500 matrices on a busy machine.
        self.driver.set_script_timeout(180)
        if not script:
            self.cdp("Emulation.setScriptExecutionDisabled", value=True)
        self.open(file)

    def open(self, file, width=1360, dark=False):
        self.width = width
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.driver.get(file if isinstance(file, str) else file.as_uri())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def js(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, element):
        """In the middle of the window, where nothing that sticks to its top lies over it."""
        self.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def shot(self, path):
        height = self.js("return document.documentElement.scrollHeight")
        # Chromium draws at most 16,384 pixels at once.
        clip = {"x": 0, "y": 0, "width": self.width, "height": min(height, 16000), "scale": 1}
        picture = self.cdp("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        Path(path).write_bytes(base64.b64decode(picture["data"]))

    def quiet(self, name, server="file://"):
        """Nothing on the console, nothing fetched; from nobody but the server for served pages."""
        for entry in self.driver.get_log("browser"):
            expect(False, f"{name}: console: {entry['message'][:200]}")
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                expect(url.startswith((server, "data:", "blob:")), f"{name}: request to {url[:200]}")

    def accessible(self, name):
        self.js(AXE)
        result = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then(done, (e) => done({violations: [], error: String(e)}));")
        expect("error" not in result, f"{name}: axe: {result.get('error')}")
        for violation in result["violations"]:
            places = "; ".join(node["html"][:90] + " " + (node.get("failureSummary") or "")[:150]
                               for node in violation["nodes"][:2])
            expect(False, f"{name}: axe {violation['id']} ({len(violation['nodes'])}): {places}")


def rank_tables(run):
    """Step to ranks by site, from ranks.csv."""
    tables = {}
    with open(run / "ranks.csv", newline="") as file:
        for row in csv.DictReader(file):
            tables.setdefault(int(row["step"]), []).append(int(row["rank"]))
    return tables


def events(run, kind):
    return [event for event in map(json.loads, (run / "events.jsonl").read_text().splitlines()) if event["event"] == kind]


ALL_CELLS = """return Array.from(document.querySelectorAll('figure[data-figure="ranks"] .wide g[data-map]'))
    .map((g) => [Number(g.dataset.map), Number(g.dataset.row), Number(g.dataset.column),
                 (g.querySelector('text') || {}).textContent]).filter((cell) => cell[3])"""

CELLS = """return Array.from(document.querySelectorAll('figure[data-figure="ranks"] .wide g[data-map="0"]'))
    .map((g) => [Number(g.dataset.row), Number(g.dataset.column), (g.querySelector('text') || {}).textContent])"""


def cells(page, sites):
    """The ranks that the map shows, in the order of the sites."""
    data = json.loads(page.js("return document.getElementById('report-data').textContent"))
    shown = {tuple(place): int(text) for *place, text in page.js(ALL_CELLS)}
    return [shown[place(data, site)] for site in sites]


def place(data, site):
    """Map, row and column of a site: each tower of a model of two has a map of its own."""
    towers = data.get("towers", [None] * len(data["layers"]))
    tower = site.get("tower")
    rows = [layer for layer, own in zip(data["layers"], towers) if own == tower]
    return list(dict.fromkeys(towers)).index(tower), rows.index(site["layer"]), data["roles"].index(site["role"])


def site_title(data, row, column):
    """The title of the panel of a cell."""
    tower = data.get("towers", [None] * len(data["layers"]))[row]
    layer = f"layer {data['layers'][row]}"
    return f"{(f'{tower} ' if tower else '')}{layer}".capitalize() + f", {data['roles'][column]}"


def check_data(page, run, name):
    data = json.loads(page.js("return document.getElementById('report-data').textContent"))
    tables = rank_tables(run)
    for step, row in zip(data["steps"], data["maps"][0]["ranks"]):
        by_site = [None] * len(data["sites"])
        for position, rank in zip(data["positions"], row):
            if position is not None:
                by_site[position] = rank
        expect(by_site == tables[step], f"{name}: the page's ranks after step {step} are not those of ranks.csv")
    losses = {row["step"]: row["loss"] for row in csv.DictReader(data["tables"]["loss"].splitlines())}
    for event in events(run, "step"):
        if str(event["step"]) in losses:
            loss = losses[str(event["step"])]
            expect((float(loss) if loss else None) == event["loss"], f"{name}: loss of step {event['step']}")
    return data, tables


def check_player(page, run, name):
    data, tables = check_data(page, run, name)
    if not events(run, "allocation"):
        expect(not page.js("return document.getElementById('frame')"), f"{name}: a slider that moves nothing")
        return data
    steps = sorted(tables)
    expect(data["steps"][0] == steps[0] and data["steps"][-1] == steps[-1], f"{name}: slider misses an end")
    expect(cells(page, data["sites"]) == tables[steps[-1]], f"{name}: the map does not show the last ranks")
    slider = page.find("#frame")
    # By keyboard alone: to the slider, to its start, and back.
    slider.send_keys(Keys.HOME)
    expect(cells(page, data["sites"]) == tables[steps[0]], f"{name}: the slider does not move the map")
    expect(f"{steps[0]} of" in page.find("#frame-text").text, f"{name}: the slider's text")
    slider.send_keys(Keys.ARROW_RIGHT)
    expect(cells(page, data["sites"]) == tables[data["steps"][1]], f"{name}: an arrow key does not move the slider")
    slider.send_keys(Keys.HOME)
    page.find("#play").send_keys(Keys.ENTER)
    expect(page.find("#play").text == "Pause", f"{name}: play does not say Pause")
    time.sleep(1)
    middle = int(page.js("return document.getElementById('frame').value"))
    expect(middle > 0, f"{name}: play does not move")
    deadline = time.time() + 90
    while page.find("#play").text == "Pause" and time.time() < deadline:
        time.sleep(0.3)
    expect(cells(page, data["sites"]) == tables[steps[-1]], f"{name}: play does not reach the end")
    return data


def check_cells(page, run, data, name):
    first = page.find('figure[data-figure="ranks"] .wide g[role="button"]')
    page.click(first)
    title = page.find("#site-title").text
    expect(title == site_title(data, 0, 0), f"{name}: a click does not choose ({title})")
    page.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    title = page.find("#site-title").text
    expect(title == site_title(data, 1, 0), f"{name}: an arrow key does not choose ({title})")
    expect(page.js("return document.activeElement.getAttribute('role')") == "button", f"{name}: focus is lost")
    if not (run / "triplets.jsonl").exists():
        return
    last = json.loads((run / "triplets.jsonl").read_text().splitlines()[-1])
    for at, (site, recorded) in enumerate(zip(data["sites"], last["sites"])):
        if at > 12:
            break
        of, row, column = place(data, site)
        page.js("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", page.find(
            f'figure[data-figure="ranks"] .wide g[data-map="{of}"][data-row="{row}"][data-column="{column}"]'))
        shown = page.js("return Array.from(document.querySelectorAll('#site-values li span:last-child'))"
                        ".map((span) => span.textContent)")
        expected = [float(f"{value:.4g}") for value in recorded["values"]]
        expect(len(shown) == max(len(expected), 0) and all(
            abs(float(text.replace("\u2212", "-")) - value) <= 1e-3 * abs(value) for text, value in zip(shown, expected)),
            f"{name}: singular values of {site} are {shown}, recorded {expected}") if expected else None


def check_saving(page, run, downloads, name):
    for kind in ["svg", "csv"]:
        page.click(page.find(f'button[data-save="{kind}"][data-of="loss"]'))
    deadline = time.time() + 15
    # Chromium gives a file its name when it is whole.
    found = lambda: {file.suffix: file for file in downloads.glob("*-loss.*") if file.suffix in (".svg", ".csv")}
    while len(found()) < 2 and time.time() < deadline:
        time.sleep(0.2)
    files = {suffix: file.read_text() for suffix, file in found().items()}
    expect(files.get(".svg", "").startswith("<svg"), f"{name}: no SVG was saved")
    expect(files.get(".csv", "").startswith("step,loss"), f"{name}: no CSV was saved")


def check_without_script(file, run, name):
    with Page(file, script=False) as page:
        document = page.cdp("DOM.getDocument", depth=0)["root"]["nodeId"]
        html = page.cdp("DOM.getOuterHTML", nodeId=document)["outerHTML"]
    final = sorted(rank_tables(run).items())[-1][1]
    part = html.split('data-figure="ranks"')[1].split('class="narrow"')[0]
    shown = [int(piece.split("</text>")[0].split(">")[-1]) for piece in part.split("data-map=")[1:] if "</text>" in piece]
    expect(sorted(shown) == sorted(final), f"{name}: without script the map does not show the final ranks")


# Texts of charts that stick out of them, and titles that were cut.
LOST_TEXTS = """return Array.from(document.querySelectorAll('figure svg text'))
    .filter((text) => text.getClientRects().length && text.getBoundingClientRect().width)
    .filter((text) => {
        const [inner, outer] = [text.getBoundingClientRect(), text.closest('svg').getBoundingClientRect()];
        return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1
            || (text.classList.contains('b') && text.textContent.endsWith('\u2026'));
    }).map((text) => text.textContent)"""

# What legends and axes of the wide form name and the narrow one does not.
LOST_NAMES = """return Array.from(document.querySelectorAll('figure[data-figure]')).flatMap((figure) => {
        const texts = (form) => Array.from(figure.querySelectorAll(`.${form} svg text[font-size="12"]`))
            .map((text) => text.lastChild.textContent);
        const narrow = new Set(texts('narrow'));
        return texts('wide').filter((text) => !narrow.has(text)).map((text) => `${figure.dataset.figure}: ${text}`);
    })"""

LOST_COLUMNS = """for (const one of document.querySelectorAll('details')) one.open = true;
    return Array.from(document.querySelectorAll('.scroll')).filter((one) => one.scrollWidth > one.clientWidth + 1)
        .map((one) => `${one.getAttribute('aria-label')}: ${one.scrollWidth} in ${one.clientWidth}`)"""

# Rank and contrast to the page of each cell of the map.
WEIGHTS = """const luminance = (color) => color.match(/\\d+/g).slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    return Array.from(document.querySelectorAll('figure[data-figure="ranks"] g[data-map] rect.c')).map((rect) => {
        const [cell, back] = [rect, rect.closest('figure')].map((one, at) =>
            luminance(at ? getComputedStyle(one).backgroundColor : getComputedStyle(one).fill));
        return [Number(rect.parentNode.textContent), Math.abs(cell - back)];
    })"""


def check_weights(page, name):
    """Greater ranks stand out more, in a light page as in a dark one."""
    weights = {}
    for rank, weight in page.js(WEIGHTS):
        weights.setdefault(rank, set()).add(round(weight, 4))
    expect(all(len(found) == 1 for found in weights.values()), f"{name}: one rank in several colors: {weights}")
    steps = [max(weights[rank]) for rank in sorted(weights)]
    expect(steps == sorted(steps) and len(set(steps)) == len(steps), f"{name}: weights of ranks: {weights}")


def check_phone(page, name):
    expect(not (lost := page.js(LOST_TEXTS)), f"{name}: texts of charts are cut: {lost[:5]}")
    expect(not (lost := page.js(LOST_NAMES)), f"{name}: names that phones do not show: {lost[:5]}")
    expect(not (lost := page.js(LOST_COLUMNS)), f"{name}: tables wider than the screen: {lost[:5]}")


def check_looks(file, name, shots):
    looks = [("light", 1360, False), ("dark", 1360, True), ("phone", 390, False), ("phone-dark", 360, True)]
    with Page(file) as page:
        halves = page.js("return Array.from(document.querySelectorAll('.figures')).filter((grid) =>"
                         " grid.children.length % 2 && !grid.lastElementChild.classList.contains('whole')).length")
        expect(not halves, f"{name}: {halves} half-empty rows of figures")
        for label, width, dark in looks:
            page.open(file, width, dark)
            wide = page.js("return document.documentElement.scrollWidth")
            expect(wide <= width, f"{name}, {label}: {wide} pixels wide")
            if dark:
                back = page.js("return getComputedStyle(document.body).backgroundColor")
                expect(sum(int(part) for part in back[4:-1].split(",")) < 60, f"{name}: dark background is {back}")
            page.accessible(f"{name}, {label}")
            # 500 matrices and more have cells without numbers, and names that no phone has room for.
            if "large" not in name and "hostile" not in name:
                check_weights(page, f"{name}, {label}")
                if width < 600:
                    check_phone(page, f"{name}, {label}")
            if shots:
                page.shot(shots / f"{name}-{label}.png")
            page.quiet(f"{name}, {label}")


def check_print(file, name, shots):
    with Page(file) as page:
        pdf = base64.b64decode(page.cdp("Page.printToPDF", printBackground=True)["data"])
        expect(pdf.startswith(b"%PDF") and len(pdf) > 20_000, f"{name}: printing gives {len(pdf)} bytes")
        if shots:
            (shots / f"{name}.pdf").write_bytes(pdf)


def check_speed(file, name, limit):
    times = []
    for _ in range(3):
        with Page(file) as page:
            times.append(page.js("const t = performance.getEntriesByType('navigation')[0]; return t.loadEventEnd"))
    print(f"      {name}: {file.stat().st_size / 1e6:.1f} MB, opens in {min(times):.0f} ms (best of 3)")
    expect(min(times) < limit, f"{name}: opens in {min(times):.0f} ms")


def check_hostile(file, name):
    with Page(file) as page:
        expect(page.js("return document.scripts.length") == 2, f"{name}: a name became a script")
        expect(page.js("return document.querySelectorAll('b').length") == 0, f"{name}: a name became an element")
        expect(page.js("return document.body.textContent.includes('<script>alert(\"x\")</script>')"),
               f"{name}: the name is not shown")
        page.find("#frame").send_keys(Keys.HOME)
        for cell in page.driver.find_elements(By.CSS_SELECTOR, '.wide g[role="button"]')[:6]:
            page.click(cell)
        expect(page.js("return document.querySelectorAll('b, main script').length") == 0, f"{name}: markup by script")
        page.quiet(name)


def wait_for(page, text, name, seconds=60):
    end = time.time() + seconds
    while not page.js(f"return {text}"):
        if time.time() > end:
            expect(False, f"{name}: not within {seconds} s: {text}")
            return
        time.sleep(0.2)


def append_step(run):
    """As if training went on."""
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    last = [line for line in lines if line["event"] == "step"][-1]
    last["step"] += 1
    with open(run / "events.jsonl", "a") as file:
        file.write(json.dumps(last, separators=(",", ":")) + "\n")
    return last["step"]


def check_served(adalora, folder, run, shots):
    """The list of adalora serve, and the report of a run that goes on: renewed, but not under a reader's hands."""
    server = subprocess.Popen([adalora, "serve", folder, "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        address = server.stderr.readline().split()[0]
        with Page(address) as page:
            page.accessible("served list")
            for width in [1360, 360]:
                page.open(address, width)
                expect(page.js("return document.documentElement.scrollWidth <= innerWidth"), f"served list: {width} wide")
                if shots:
                    page.shot(shots / f"served-{width}.png")
            page.open(address)
            page.click(page.driver.find_element(By.LINK_TEXT, run.name))
            wait_for(page, "document.querySelector('.live span')?.textContent === 'Live'", "served run")
            page.accessible("served run")
            page.js("window.mark = 1")
            step = append_step(run)
            wait_for(page, "window.mark === undefined && document.readyState === 'complete'", "served run: renewed")
            expect(f"{step} of" in page.find(".state").text, f"served run: state {page.find('.state').text}")
            wait_for(page, "document.querySelector('.live span')?.textContent === 'Live'", "served run: renewed")
            page.js("window.mark = 1")
            page.find("#frame").send_keys(Keys.HOME)
            page.click(page.find('.wide g[role="button"][data-row="1"][data-column="2"]'))
            where = "return [document.querySelector('#frame-text').textContent, document.querySelector('#site-title').textContent]"
            before = page.js(where)
            append_step(run)
            wait_for(page, "document.querySelector('.live button:not([hidden])')", "served run: told of more", 7)
            expect(page.js("return window.mark") == 1, "served run: renewed under a reader's hands")
            page.find(".live button").click()
            wait_for(page, "window.mark === undefined && document.readyState === 'complete'", "served run: shown")
            after = page.js(where)
            expect(
                [text.split(" of ")[0] for text in before] == [text.split(" of ")[0] for text in after],
                f"served run: the reader was at {before} and is at {after}",
            )
            page.quiet("served", server=address)
    finally:
        server.terminate()
        expect(server.wait(60) == 0, "serve: does not end well")


def main(adalora, work, shots, *runs):
    adalora, work = Path(adalora), Path(work)
    shots = Path(shots) if shots else None
    if shots:
        shots.mkdir(parents=True, exist_ok=True)
    downloads = work / "downloads"
    downloads.mkdir()
    made = sorted(path for path in (work / "made").iterdir()) + [Path(run).resolve() for run in runs]
    pages = work / "pages"
    pages.mkdir()
    for at, run in enumerate(made):
        name = f"{at}-{''.join(c if c.isalnum() or c == '-' else '_' for c in run.name)}"
        file = pages / f"{name}.html"
        began = time.time()
        subprocess.run([adalora, "report", run, "--output", file], check=True, capture_output=True)
        print(f"{run.name}: report made in {time.time() - began:.1f} s")
        check_looks(file, name, shots)
        if run.name in ["bare", "head"] or not rank_tables(run):
            continue
        if run.name != "large":
            check_without_script(file, run, name)
        if run.name not in ["large", "one"]:
            with Page(file, downloads=downloads) as page:
                data = check_player(page, run, name)
                check_cells(page, run, data, name)
                if not list(downloads.iterdir()):
                    check_saving(page, run, downloads, name)
                page.quiet(name)
            check_print(file, name, shots)
        if run.name.startswith("hostile"):
            check_hostile(file, name)
        if run.name == "large":
            check_speed(file, name, 2000)
            with Page(file) as page:
                check_data(page, run, name)
    several = pages / "several.html"
    chosen = [run for run in made if run.name in ["diverged", "going", "trained"]] + [Path(run) for run in runs]
    subprocess.run([adalora, "report", *chosen, "--output", several], check=True, capture_output=True)
    check_looks(several, "several", shots)
    with Page(several) as page:
        before = page.js(CELLS)
        page.find("#frame").send_keys(Keys.HOME)
        expect(page.js(CELLS) != before, "several: the slider does not move the maps")
        page.quiet("several")
    check_served(adalora, work / "made", work / "made" / "going", shots)
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
