import Foundation
import TensorBoard
import Testing

/// Bytes by tensorboard 2.21's own messages (`Event.SerializeToString(deterministic=True)`).
struct EventMessageTests {
    @Test func writesWhatTensorBoardWrites() throws {
        let histogram = SummaryValue.Histogram(
            least: -1, greatest: 1, count: 2, sum: 0, sumOfSquares: 2, limits: [0, 1], counts: [1, 1])
        var event = EventMessage(
            step: 300,
            .summary([
                .scalar("Loss/train", 0), SummaryValue("h", .histogram(histogram)),
                SummaryValue("i", .image(width: 2, height: 1, png: Data("png".utf8))),
            ]))
        event.wallTime = 1.5
        #expect(hexadecimal(event.serialized()) == Self.summary)
        let settings = SummaryValue.sessionStart(["c": "x", "b": "false", "a": "0"], seconds: 2)
        #expect(hexadecimal(EventMessage(.summary([settings])).serialized()) == Self.sessionStart)
    }

    @Test func readsWhatItWrote() throws {
        let bytes = try #require(data(Self.summary))
        let event = try #require(EventMessage(serialized: bytes))
        #expect(event.step == 300 && event.wallTime == 1.5)
        #expect(event.values.map(\.tag) == ["Loss/train", "h", "i"])
        guard case .image(2, 1, let png) = event.values[2].content else {
            Issue.record("not the picture: \(event.values[2])")
            return
        }
        #expect(png == Data("png".utf8))
        let start = try #require(data(Self.sessionStart))
        let settings = try #require(EventMessage(serialized: start))
        #expect(settings.step == 0 && settings.values.map(\.tag) == ["_hparams_/session_start_info"])
        let version = EventMessage(.fileVersion("brain.Event:2")).serialized()
        guard case .fileVersion("brain.Event:2")? = EventMessage(serialized: version)?.content else {
            Issue.record("not the version")
            return
        }
    }

    /// Every cut within the summary, whose length stands before it, and bytes that are no fields.
    @Test func whatIsNoMessageIsNone() throws {
        let bytes = try #require(data(Self.summary))
        for length in 13..<bytes.count { #expect(EventMessage(serialized: bytes.prefix(length)) == nil) }
        for text in ["08", "0a05", "00", "0b00", "08ffffffffffffffffffff01", "0affffffffffffffffff01"] {
            #expect(EventMessage(serialized: try #require(data(text))) == nil, "\(text)")
        }
    }

    private static let summary =
        "09000000000000f83f10ac022a740a110a0a4c6f73732f747261696e15000000000a4d0a01682a4809000000000000f0bf11"
        + "000000000000f03f19000000000000004029000000000000004032100000000000000000000000000000f03f3a1000000000"
        + "0000f03f000000000000f03f0a100a0169220b0801100218032203706e67"
    private static let sessionStart =
        "2a6d0a6b0a1c5f68706172616d735f2f73657373696f6e5f73746172745f696e666f420e08011204120208012a0400000000"
        + "4a3b0a390a0768706172616d73122e1a2c0a0e0a016112091100000000000000000a070a0162120220000a080a016312031a"
        + "0178290000000000000040"

    private func hexadecimal(_ data: Data) -> String {
        data.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    private func data(_ text: String) -> Data? {
        let digits = Array(text)
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0...($0 + 1)]), radix: 16)
        }
        return bytes.count * 2 == digits.count ? Data(bytes) : nil
    }
}
