import Experiments
import Testing

@Suite struct RankTableTests {
    private static func ranks(_ layers: Int, _ rank: (_ layer: Int, _ role: String) -> Int) -> [String: Int] {
        var ranks: [String: Int] = [:]
        for layer in 0..<layers {
            for role in ["query", "value", "output"] { ranks["layer.\(layer).\(role)"] = rank(layer, role) }
        }
        return ranks
    }

    @Test func meansByHand() throws {
        let mean = try #require(
            MeanRanks([["layer.0.query": 1, "layer.0.key": 3], ["layer.0.query": 2, "layer.0.key": 0], [:]]))
        #expect(mean.bySite == ["layer.0.query": 1.5, "layer.0.key": 1.5] && mean.total == 3)
        #expect(MeanRanks([]) == nil && MeanRanks([[:]]) == nil)
    }

    @Test func byRoleAndLayer() throws {
        let even = try #require(MeanRanks([Self.ranks(2) { _, _ in 2 }]))
        let uneven = try #require(
            MeanRanks([
                Self.ranks(2) { layer, role in role == "output" ? 3 + layer : layer },
                Self.ranks(2) { layer, role in role == "output" ? 4 : 1 },
            ]))
        let tables = try #require(
            RankTables([
                (
                    "average rank 2",
                    [.init(name: "LoRA", ranks: even), .init(name: "AdaLoRA", ranks: uneven)]
                ),
                ("average rank 4", [.init(name: "AdaLoRA", ranks: uneven)]), ("empty", []),
            ]))
        #expect(
            tables.terminal(width: 80) == [
                "final ranks: triplets by role, mean over runs", "",
                "average rank 2  query  value  output  total", "LoRA              4.0    4.0     4.0   12.0",
                "AdaLoRA           1.5    1.5     7.5   10.5", "",
                "average rank 4  query  value  output  total", "AdaLoRA           1.5    1.5     7.5   10.5",
                "", "final ranks: triplets by layer, mean over runs", "",
                "average rank 2    0    1  total", "LoRA            6.0  6.0   12.0",
                "AdaLoRA         4.5  6.0   10.5", "", "average rank 4    0    1  total",
                "AdaLoRA         4.5  6.0   10.5",
            ])
        #expect(RankTables([("empty", [])]) == nil)
    }

    /// Whole numbers where all are; layers go together where a column for each is too wide.
    @Test func manyLayers() throws {
        let even = try #require(MeanRanks([Self.ranks(24) { _, _ in 8 }]))
        let tables = try #require(
            RankTables([("average rank 8", [.init(name: "a name of more than twenty columns", ranks: even)])])
        )
        let lines = tables.terminal(width: 80)
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(
            lines.last
                == "a name of more than twe…   72   72   72    72     72     72     72     72    576"
        )
        #expect(
            try #require(tables.terminal(width: 200).last).hasPrefix(
                "a name of more than twenty columns  24  24"))
    }
}
