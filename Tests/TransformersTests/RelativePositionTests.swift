import Foundation
import GoldenFiles
import ModelFiles
import Testing
import Transformers

/// Which row of a table belongs to a distance: all of transformers' own (scripts/goldens/encoders_parity.py), and equal.
@Suite struct RelativePositionTests {
    private func scheme(_ traits: EncoderTraits, _ settings: String) throws -> RelativeScheme {
        let text =
            """
            {"vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 4, "max_position_embeddings": 600, \(settings)}
            """
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try #require(try EncoderConfiguration(HFConfig(file: file), traits).relative)
    }

    private func rows(_ json: JSONValue?) -> [Int] { (json?.array ?? []).compactMap(\.int) }

    @Test func disentangledRows() throws {
        let golden = try Golden.json("encoders/relative_buckets.json")
        let first = try #require(golden["first"]?.int)
        let cases = try #require(golden["deberta"]?.array)
        #expect(cases.count == 4)
        for entry in cases {
            let (buckets, span) = (entry["buckets"]?.int ?? 0, entry["span"]?.int ?? 0)
            let scheme = try scheme(
                .deberta,
                """
                "model_type": "deberta-v2", "relative_attention": true, "pos_att_type": "p2c|c2p",
                "position_buckets": \(buckets), "max_relative_positions": \(span)
                """)
            let expected = rows(entry["rows"])
            #expect(expected.count == 1201)
            #expect((first...600).map(scheme.tableRow) == expected, "\(buckets) buckets")
        }
    }

    /// Without buckets distances are rows until the table ends.
    @Test func disentangledRowsWithoutBuckets() throws {
        let scheme = try scheme(
            .deberta,
            """
            "model_type": "deberta-v2", "relative_attention": true, "pos_att_type": ["c2p"],
            "max_relative_positions": 9
            """)
        #expect([-600, -10, -9, -8, 0, 8, 9, 600].map(scheme.tableRow) == [0, 0, 0, 1, 9, 17, 17, 17])
    }

    @Test func biasRows() throws {
        let golden = try Golden.json("encoders/relative_buckets.json")
        let scheme = try scheme(.mpnet, "\"model_type\": \"mpnet\"")
        #expect((-600...600).map(scheme.tableRow) == rows(golden["mpnet"]))
    }
}
