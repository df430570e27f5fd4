import Foundation
import Reports
import Testing
@Test func fuzzDemo() throws {
    let f = try RunFolderFixture.small().write()
    let e = try Data(contentsOf: f.url.appendingPathComponent("events.jsonl")), r = try Data(contentsOf: f.url.appendingPathComponent("ranks.csv"))
    var g = SystemRandomNumberGenerator(); var ok = 0
    let inserts: [[UInt8]] = [Array("9".utf8), Array("-".utf8), Array("99999999".utf8), Array("\n".utf8), Array("null".utf8), [0xff], Array("0".utf8), Array("1e300".utf8)]
    for i in 0..<4000 {
        var a = [UInt8](e), b = [UInt8](r)
        for _ in 0..<Int.random(in: 1...2, using: &g) {
            if i % 2 == 0 { let k = Int.random(in: 0..<(i % 4 == 0 ? 1500 : a.count), using: &g); if i % 3 == 0 { a.remove(at: k) } else { a.replaceSubrange(k..<k+1, with: inserts.randomElement()!) } }
            else { let k = Int.random(in: 0..<b.count, using: &g); if i % 3 == 0 { b.remove(at: k) } else { b.replaceSubrange(k..<k+1, with: inserts.randomElement()!) } }
        }
        if i % 7 == 0 { a = Array(a.prefix(Int.random(in: 0..<a.count))) ; b = Array(b.prefix(Int.random(in: 0..<b.count))) }
        try Data(a).write(to: f.url.appendingPathComponent("events.jsonl")); try Data(b).write(to: f.url.appendingPathComponent("ranks.csv"))
        do {
            let run = try RunRecord(folder: f.url)
            _ = RankReport.history(run, style: Style(width: i % 100, color: true))
            _ = try RankReport.table(run, step: nil, style: Style(width: i % 100)); _ = try RankReport.json(run, step: nil, history: true); _ = try RankReport.csv(run, step: 17, history: true)
            ok += 1
        } catch let x as ReportError { precondition(!x.description.contains("\n")) }
    }
    print("fuzz ok", ok)
}
