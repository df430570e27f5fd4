import Foundation
import TensorBoard
import Testing

struct EventRecordTests {
    /// The check value of CRC-32C in the catalogues of such sums.
    @Test func knowsTheCheckValue() {
        #expect(EventRecords.crc32c(Data("123456789".utf8)) == 0xE306_9283)
        #expect(EventRecords.crc32c(Data()) == 0)
    }

    /// What tensorboard 2.21's `RecordWriter` makes of the event "brain.Event:2" at time 0.
    @Test func framesAsTensorBoardDoes() {
        let event = Data([0x1A, 0x0D] + Array("brain.Event:2".utf8))
        let expected: [UInt8] =
            [0x0F, 0, 0, 0, 0, 0, 0, 0, 0x6D, 0x53, 0x2B, 0x09] + Array(event) + [0xFC, 0x98, 0x51, 0x29]
        #expect(EventRecords.framed(event) == Data(expected))
    }

    @Test func readsWhatIsWholeOfATornFile() {
        let payloads = ["", "a", String(repeating: "b", count: 300)].map { Data($0.utf8) }
        let file = payloads.map(EventRecords.framed).reduce(Data(), +)
        let whole = EventRecords.read(file)
        #expect(whole.map(\.bytes) == payloads && whole.map(\.offset) == [0, 16, 33])
        let ends = [16, 33, file.count]
        for length in 0..<file.count {
            #expect(EventRecords.read(file.prefix(length)).count == ends.count { $0 <= length })
        }
        // A bit turned over anywhere ends the file before that record.
        for index in file.indices {
            var broken = file
            broken[index] ^= 4
            #expect(EventRecords.read(broken).count == ends.count { $0 <= index })
        }
    }
}
