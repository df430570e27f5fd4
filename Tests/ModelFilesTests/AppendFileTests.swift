import Foundation
import ModelFiles
import Testing

struct AppendFileTests {
    @Test func appendsAndContinues() throws {
        let folder = try TemporaryFolder()
        let log = try AppendFile(folder.path("log"))
        #expect(log.byteOffset == 0)
        try log.append("one\n")
        try log.append(Data("zwölf\n".utf8))
        #expect(log.byteOffset == 11)
        try log.sync()
        try log.close()
        try log.close()
        let again = try AppendFile(folder.path("log"))
        #expect(again.byteOffset == 11)
        try again.append("x")
        #expect(try folder.text("log") == "one\nzwölf\nx")
    }

    @Test func truncatesToAnOffset() throws {
        let folder = try TemporaryFolder()
        try folder.write("log", "one\ntwo\nhal")
        let log = try AppendFile(folder.path("log"), truncatingTo: 8)
        #expect(log.byteOffset == 8)
        try log.append("three\n")
        #expect(try folder.text("log") == "one\ntwo\nthree\n")
        #expect(
            message(folder) { _ = try AppendFile(folder.path("log"), truncatingTo: 15) }
                == "DIR/log: the file has 14 bytes, 15 were expected; "
                + "the log was cut or replaced since: restore it or start a new run")
    }

    @Test func concurrentAppendsStayWhole() async throws {
        let folder = try TemporaryFolder()
        let log = try AppendFile(folder.path("log"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask { for _ in 0..<50 { try log.append("\(writer)\(writer)\(writer)\n") } }
            }
            try await group.waitForAll()
        }
        let lines = try folder.text("log").split(separator: "\n")
        #expect(lines.count == 400)
        #expect(lines.allSatisfy { $0.count == 3 && Set($0).count == 1 })
        #expect(log.byteOffset == 1600)
    }

    /// Linux's /dev/full answers every write with ENOSPC.
    @Test func aFullDisk() throws {
        let log = try AppendFile(URL(fileURLWithPath: "/dev/full"))
        #expect(
            message { try log.append("x") }
                == "/dev/full: cannot write: disk full; free some space or choose another folder")
        #expect(log.byteOffset == 0)
    }
}
