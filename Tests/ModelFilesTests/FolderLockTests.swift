import Foundation
import ModelFiles
import Testing

@Suite struct FolderLockTests {
    @Test func oneHolderAtATimeAndNoFileLeft() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "lock-\(UUID().uuidString)")
        #expect(throws: ModelFileError.self) { try FolderLock(folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var first: FolderLock? = try FolderLock(folder)
        // flock belongs to the open file, so a second one in the same process is refused like another's.
        let error = #expect(throws: ModelFileError.self) { try FolderLock(folder) }
        #expect(error?.kind == .inUse)
        let slow = #expect(throws: ModelFileError.self) { try FolderLock(folder, waiting: 0.25) }
        #expect(slow?.kind == .inUse)
        withExtendedLifetime(first) {}
        first = nil
        _ = try FolderLock(folder)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
