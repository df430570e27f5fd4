import Foundation
import ModelFiles

/// A folder of event files (`events.out.tfevents.…`). Each process that writes adds a file of its own, and first takes
/// from the others what it is going to write again.
final class EventFolder {
    private let file: AppendFile

    /// - Parameter isKept: asked of the events that are there, in their order; of each file the first that is not kept and
    ///   all after it go. Without it nothing stays.
    init(_ folder: URL, keeping isKept: ((EventMessage) -> Bool)?) throws {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw ModelFileError(
                kind: .unwritable, file: folder.path, problem: "the folder cannot be created",
                advice: "check the path and its permissions")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasPrefix(Self.prefix) }.sorted()
        for name in names {
            let url = folder.appendingPathComponent(name)
            guard let isKept, let end = try Self.end(of: url, keeping: isKept) else {
                try FileManager.default.removeItem(at: url)
                continue
            }
            try AppendFile(url, truncatingTo: end).close()
        }
        // TensorBoard reads files in the order of their names: seconds since 1970, then a count.
        let seconds = Int(Date().timeIntervalSince1970)
        var count = 0
        func path() -> URL { folder.appendingPathComponent("\(Self.prefix)\(seconds).adalora.\(count)") }
        while FileManager.default.fileExists(atPath: path().path) { count += 1 }
        file = try AppendFile(path())
        try append(EventMessage(.fileVersion("brain.Event:2")))
    }

    private static let prefix = "events.out.tfevents."

    /// Where the first event begins that is not kept, or is torn; nil for a file without any event to keep.
    private static func end(of url: URL, keeping isKept: (EventMessage) -> Bool) throws -> Int? {
        let data = try Data(contentsOf: url)
        var end = 0
        var events = 0
        for record in EventRecords.read(data) {
            guard let event = EventMessage(serialized: record.bytes), isKept(event) else { break }
            end = record.offset + 16 + record.bytes.count
            events += 1
        }
        // The first record of each file is its version.
        return events > 1 ? end : nil
    }

    func append(_ event: EventMessage) throws {
        var event = event
        event.wallTime = Date().timeIntervalSince1970
        try file.append(EventRecords.framed(event.serialized()))
    }
}
