import Charts
import Foundation
import Testing

@Test func linearTicksAreMultiplesOfOneTwoFive() {
    #expect(Ticks.linear(low: 0, high: 10, target: 5) == Ticks(values: [0, 2, 4, 6, 8, 10], step: 2))
    #expect(Ticks.linear(low: 0.7, high: 0.79, target: 5).values == [0.7, 0.72, 0.74, 0.76, 0.78])
    #expect(Ticks.linear(low: -3, high: 4, target: 4).values == [-2, 0, 2, 4])
    #expect(Ticks.linear(low: 0, high: 450, target: 5).values == [0, 100, 200, 300, 400])
    #expect(Ticks.linear(low: 0, high: 2, target: 8, wholeNumbers: true).values == [0, 1, 2])
}

/// Ticks where something was measured: just those inside the picture, in order, whatever the scale.
@Test func givenTicks() {
    var axis = Axis("parameters", scale: .log2, format: .si)
    axis.tickValues = [83_000, 41_500, 1e6]
    let scale = Scale(kind: .log2, low: 40_000, high: 400_000, from: 60, to: 600)
    let labels = TickLabels.horizontal(axis, scale: scale, pictureWidth: 700)
    #expect(labels.map(\.value) == [41_500, 83_000] && labels.map(\.text) == ["41.5k", "83k"])
}

@Test func logarithmicTicks() {
    #expect(
        Ticks.logarithmic(low: 1, high: 1e4, base: .log10, target: 8).values == [1, 10, 100, 1000, 10_000])
    #expect(Ticks.logarithmic(low: 0.9, high: 60, base: .log10, target: 8).values == [1, 2, 5, 10, 20, 50])
    #expect(Ticks.logarithmic(low: 2, high: 32, base: .log2, target: 8).values == [2, 4, 8, 16, 32])
    #expect(Ticks.logarithmic(low: 0.25, high: 2, base: .log2, target: 8).values == [0.25, 0.5, 1, 2])
}

@Test func scalesMapValuesToPixels() {
    let linear = Scale(kind: .linear, low: 10, high: 20, from: 100, to: 0)
    #expect(linear.position(10) == 100 && linear.position(15) == 50 && linear.position(20) == 0)
    let log = Scale(kind: .log10, low: 1, high: 10_000, from: 0, to: 400)
    // log() rounds; a millionth of a pixel cannot be seen.
    for (value, place) in [(1.0, 0.0), (10, 100), (100, 200), (10_000, 400)] {
        #expect(abs(log.position(value) - place) < 1e-6)
    }
    #expect(log.position(-1).isFinite && log.position(0).isFinite)
}

@Test func domainsOfDegenerateValues() throws {
    #expect(Domain.covering([]) == nil)
    #expect(Domain.covering([.nan, .infinity]) == nil)
    let zero = try #require(Domain.covering([0, 0]))
    #expect(zero == (-1, 1))
    let count = try #require(Domain.covering([0], includesZero: true))
    #expect(count == (0, 1))
    let single = try #require(Domain.covering([8], scale: .log2))
    #expect(single == (4, 16))
    let positive = try #require(Domain.covering([2, 10], includesZero: true, padding: 0.1))
    #expect(positive == (0, 11))
}

@Test(arguments: [
    (NumberFormat.automatic, 0.0, "0"), (.automatic, 1_234_567, "1,234,567"), (.automatic, -0.25, "−0.25"),
    (.automatic, 0.123456, "0.1235"), (.automatic, 1e-5, "1e−5"), (.automatic, 2.5e12, "2.5e12"),
    (.automatic, .nan, "–"), (.si, 55_296, "55.3k"), (.si, 400_000, "400k"), (.si, 999_600, "1M"),
    (.si, 1_250_000, "1.25M"), (.si, -2000, "−2k"), (.si, 12, "12"), (.si, 7e9, "7G"),
    (.decimals(3), 0.7, "0.700"),
    (.decimals(1), -0.01, "0.0"), (.decimals(0), 12_345.6, "12,346"), (.percent(1), 0.123, "12.3%"),
    (.decimals(2), 1e300, "1.000e300"),
]) func numbersAreWritten(_ format: NumberFormat, _ value: Double, _ text: String) {
    #expect(format.string(value) == text)
}

@Test func tickLabelsShareTheirDecimals() {
    #expect(NumberFormat.automatic.tickLabels([0.7, 0.75, 0.8], step: 0.05) == ["0.70", "0.75", "0.80"])
    #expect(NumberFormat.si.tickLabels([0, 500_000, 1_000_000], step: 500_000) == ["0", "500k", "1M"])
    #expect(NumberFormat.automatic.tickLabels([0, 5000], step: 5000) == ["0", "5,000"])
}

@Test func labelsAreEscapedAndShortened() {
    #expect(Labels.escaped("a<b>&\"'\u{7}\n") == "a&lt;b&gt;&amp;&quot;&#39;\u{FFFD} ")
    let short = Labels.shortened(String(repeating: "long ", count: 40), maxWidth: 100, size: 12)
    #expect(short.hasSuffix("…") && Labels.width(short, size: 12) <= 100)
    #expect(Labels.shortened("short", maxWidth: 100, size: 12) == "short")
    let stacked = "e" + String(repeating: "\u{301}", count: 500)
    #expect(Labels.cleaned(stacked).unicodeScalars.count == 16)
}

@Test func identifiersAreValidAndDistinct() {
    let inputs = ["", "_", "a b", "a-b", "a_b", "1a", "-a", "é", "a_20_b", "rank"]
    let outputs = inputs.map(Labels.identifier)
    #expect(Set(outputs).count == inputs.count)
    #expect(outputs.last == "rank")
    #expect(outputs.allSatisfy { $0.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_\-]*/) != nil })
}

@Test func paletteContrasts() {
    for theme in [Palette.light, Palette.dark] {
        #expect(theme.series.allSatisfy { $0.contrast(with: theme.background) >= 3 })
        #expect(theme.text.contrast(with: theme.background) >= 4.5)
        #expect(theme.muted.contrast(with: theme.background) >= 4.5)
        #expect(Set(theme.series).count == 8)
    }
    #expect(Palette.light.background == RGB(0xFFFFFF) && Palette.dark.background == RGB(0x0D1117))
    #expect(abs(RGB(0xFFFFFF).contrast(with: RGB(0)) - 21) < 1e-9)
}

@Test func textOnEveryHeatmapColorIsReadable() {
    for step in 0...1000 {
        for (diverging, dark) in [(false, false), (false, true), (true, false), (true, true)] {
            let color = HeatColors.color(at: Double(step) / 1000, diverging: diverging, onDark: dark)
            #expect(Palette.textColor(on: color).contrast(with: color) >= 4.5)
        }
    }
}

/// Larger values stand out more from the page, in both themes, step by step.
@Test func heatColorsGainWeight() {
    for (dark, background) in [(false, Palette.light.background), (true, Palette.dark.background)] {
        let steps = (0..<HeatColors.count).map { level in
            HeatColors.color(at: Double(level) / Double(HeatColors.count - 1), diverging: false, onDark: dark)
        }
        let weights = steps.map { $0.contrast(with: background) }
        #expect(zip(weights, weights.dropFirst()).allSatisfy { $0 < $1 }, "\(weights)")
        // The least is still no empty cell, which has the background's color.
        #expect(weights[0] > 1.1 && weights[weights.count - 1] > 12)
        // Differences weigh the same in both directions, and more the larger they are.
        let differences = (0...10).map { step in
            HeatColors.color(at: Double(step) / 10, diverging: true, onDark: dark).contrast(with: background)
        }
        for side in [Array(differences[...5].reversed()), Array(differences[5...])] {
            #expect(zip(side, side.dropFirst()).allSatisfy { $0 < $1 }, "\(side)")
        }
    }
}

@Test func colorScaleEndsAndCenter() throws {
    let values = [-1.0, 4]
    let domain = try #require(ColorScale.diverging().domain(values))
    #expect(domain == (-4, 4))
    #expect(ColorScale.diverging().level(0, in: domain) == (HeatColors.count - 1) / 2)
    #expect(ColorScale.sequential().level(-1, in: (-1, 4)) == 0)
    #expect(ColorScale.sequential().level(4, in: (-1, 4)) == HeatColors.count - 1)
    // All the same: neither the least nor the greatest.
    let same = try #require(ColorScale.sequential(range: 1...1).domain([1]))
    #expect(ColorScale.sequential().level(1, in: same) == (HeatColors.count - 1) / 2)
}

@Test func textsAreBrokenAtSpaces() {
    let lines = Labels.lines("Importance of kept and pruned triplets", maxWidth: 150, size: 15)
    #expect(lines.count > 1 && lines.joined(separator: " ") == "Importance of kept and pruned triplets")
    #expect(lines.allSatisfy { Labels.width($0, size: 15) <= 150 })
    let cut = Labels.lines("one two three four five six seven", maxWidth: 60, size: 12, most: 2)
    #expect(cut.count == 2 && cut[1].hasSuffix("…"))
    #expect(Labels.lines("", maxWidth: 60, size: 12) == [])
}

@Test func thinningKeepsTheExtremes() {
    var points = (0..<100_000).map { index in
        let y = sin(Double(index) / 500)
        return ChartPoint(x: Double(index), y: y, low: y - 0.1, high: y + 0.1)
    }
    points[31_415].y = 50
    points[27_182].y = -40
    points[60_000].low = -70
    points[60_001].high = 90
    points[80_000].y = .nan
    let thin = Series(name: "a", points: points).thinned(to: 500)
    #expect(thin.points.count <= 500 && thin.points.count > 150)
    for index in [0, 31_415, 27_182, 60_000, 60_001, 99_999] { #expect(thin.points.contains(points[index])) }
    #expect(thin.points.contains { $0.y.isNaN })
    #expect(zip(thin.points, thin.points.dropFirst()).allSatisfy { $0.x < $1.x })
}

@Test(arguments: [8, 9, 13, 100]) func thinningObeysItsLimit(_ limit: Int) {
    let points = (0..<1000).map { (index: Int) -> ChartPoint in
        let y: Double? = index % 7 == 0 ? nil : Double(index % 11)
        return ChartPoint(x: Double(index), y: y, low: 0, high: 12)
    }
    #expect(Series(name: "a", points: points).thinned(to: limit).points.count <= limit)
    let few = Series(name: "b", points: Array(points.prefix(8)))
    #expect(few.thinned(to: 8) == few)
}

@Test func endLabelsAreMovedApart() throws {
    let places = try #require(EndLabels.placed([50, 51, 10, 99], top: 0, bottom: 100))
    let sorted = places.sorted()
    #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $1 - $0 >= EndLabels.height })
    #expect(places[2] < places[0] && places[0] < places[1] && places[1] < places[3])
    #expect(sorted[0] >= 8 && sorted[3] <= 92)
    #expect(EndLabels.placed(Array(repeating: 5, count: 7), top: 0, bottom: 100) == nil)
}
