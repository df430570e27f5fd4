import Foundation
import Reports
import Testing
@Test func demo() throws {
    let f = try RunFolderFixture.small().write()
    let run = try RunRecord(folder: f.url)
    print(try RankReport.table(run, step: nil, style: Style()))
    print(try RankReport.table(run, step: 10, style: Style(unicode: false)))
    print(RankReport.history(run, style: Style()))
    print(RankReport.history(run, style: Style(unicode: false)))
    print(try RankReport.csv(run, step: nil, history: false))
    print(try RankReport.json(run, step: nil, history: false))
    print(try RankReport.json(run, step: nil, history: true))
    // big
    let g = RunFolderFixture(layers: 6)
    g.addStart(totalSteps: 939, warmupSteps: 94, finalSteps: 376, initialBudget: 432, finalBudget: 72)
    var r = [Int](repeating: 12, count: 36)
    g.addRanks(0, r)
    var seed: UInt64 = 7
    let base: [Int] = [0, 1, 3, 2, 1, 4]
    var target: [Int] = []
    for i in 0..<36 { let v: Int = base[i % 6] * (i / 6 + 1) / 4; target.append(i == 20 ? v + 9 : v) }
    for s in 1...939 {
        g.addStep(s, phase: s <= 94 ? "warmup" : s <= 563 ? "budgeting" : "final")
        if s > 94, s <= 563, s % 5 == 0 {
            let k = Double(s - 94) / Double(563 - 94), w = pow(1 - k, 3)
            r = target.map { (t: Int) -> Int in
                seed = seed &* 6364136223846793005 &+ 1442695040888963407
                let d = Double(t)
                let noise: Double = Double(seed >> 40) / 16777216.0 * 0.8 * (w + 0.05)
                let x: Double = d + (12.0 - d) * w + noise
                return min(12, max(0, Int(x.rounded())))
            }
            g.addAllocation(s, budget: r.reduce(0, +), r, returned: 3, left: 5)
        }
    }
    g.addRanks(939, r)
    g.addEnd(939, ranks: r)
    try g.write()
    let big = try RunRecord(folder: g.url)
    for c in [true, false] {
        let style = Style(color: c)
        var rows: [(name: String, precision: Double?, recall: Double?, f1: Double?, support: Int)] = []
        for i in 0..<20 {
            let f = Double((i * 7) % 20) / 20
            rows.append((name: "noun.class\(i)", precision: i == 3 ? nil : Double(i) / 20, recall: Double(i) / 22, f1: i == 3 ? 0 : f, support: i * 97))
        }
        var t = try RankReport.table(big, step: nil, style: style) + "\n"
        t += RankReport.history(big, style: style) + "\n"
        t += EvaluationReport.perClassTable(rows: rows, style: style) + "\n"
        t += EvaluationReport.metrics([("accuracy", 0.75912), ("macro-F1", nil)], loss: 0.812345, examples: 4000, style: style) + "\n"
        t += try RankReport.table(big, step: 200, style: style)
        try Data(t.utf8).write(to: URL(fileURLWithPath: "/tmp/reports-demo-\(c).txt"))
    }
    // speed
    let h = RunFolderFixture(layers: 12)
    h.addStart(totalSteps: 100_000, initialBudget: 72, finalBudget: 72)
    h.addRanks(0, [Int](repeating: 1, count: 72))
    for s in 1...100_000 { h.addStep(s, phase: "final"); if s % 20 == 0 { h.addAllocation(s, budget: 72, [Int](repeating: 1, count: 72)) } }
    try h.write()
    let t0 = Date()
    let hr = try RunRecord(folder: h.url)
    print("read", Date().timeIntervalSince(t0), hr.steps.count)
    let t1 = Date()
    print(RankReport.history(hr, style: Style()))
    _ = try RankReport.json(hr, step: nil, history: true)
    print("history", Date().timeIntervalSince(t1))
}
