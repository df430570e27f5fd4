import Dispatch
import Foundation
import Images
import Messages
import ModelFiles
import Synchronization

/// What the images of rows show once they are decoded: those that cannot be, and those that are the same by other names.
package struct ImageFindings {
    /// One image of a data set: what it holds, or why it cannot be read.
    private enum Content {
        case pixels(String)
        case unreadable(ImageError)
    }

    /// Two rows with the same pixels.
    private struct Twin {
        let own: Example
        let other: Example
        let differs: Bool
    }

    private let dataset: Dataset
    /// By position of the example
    private let contents: [Int: Content]

    /// Of the training rows first, then of what is held back from training, each also against the files before it.
    ///
    /// Decodes every image, on all processors.
    package static func findings(_ files: [Dataset], limits: ImageLimits = ImageLimits()) -> [DataFinding] {
        let read = files.map { ImageFindings($0, limits) }
        return read.indices.flatMap { index in
            [read[index].unreadable].compactMap(\.self) + read[index].repetitions
                + read[..<index].compactMap { read[index].leak(from: $0) }
        }
    }

    private init(_ dataset: Dataset, _ limits: ImageLimits) {
        self.dataset = dataset
        let images = dataset.examples.map(\.image)
        let found = Mutex<[Int: Content]>([:])
        DispatchQueue.concurrentPerform(iterations: images.count) { index in
            guard let file = images[index] else { return }
            let content = Self.content(file, limits)
            found.withLock { $0[index] = content }
        }
        contents = found.withLock { $0 }
    }

    /// Upright pixels, however the file holds them.
    private static func content(_ file: URL, _ limits: ImageLimits) -> Content {
        do {
            let pixels = try ImageFile.read(file, limits: limits)
            let print = Fingerprint()
            withUnsafeBytes(of: (UInt64(pixels.height), UInt64(pixels.width))) { print.addPart($0) }
            pixels.samples.withUnsafeBytes { print.addPart($0) }
            return .pixels(print.text())
        } catch let error as ImageError {
            return .unreadable(error)
        } catch {
            return .unreadable(
                ImageError(file: file.relativePath, problem: "\(error)", advice: "check the file"))
        }
    }

    private var unreadable: DataFinding? {
        let failures = dataset.examples.indices.compactMap { index -> (line: Int, error: ImageError)? in
            guard case .unreadable(let error)? = contents[index] else { return nil }
            return (dataset.examples[index].line, error)
        }
        guard let first = failures.first else { return nil }
        return DataFinding(
            .unreadableImages, isError: true, file: dataset.file, count: failures.count,
            lines: failures.map(\.line),
            text: "\(oneLine(dataset.file)): \(DataFinding.counted(failures.count, "image")) cannot be read "
                + "(\(DataFinding.places(failures.map(\.line)))); first \(first.error)")
    }

    /// The first row that shows each picture.
    private func firsts() -> [String: Example] {
        var first: [String: Example] = [:]
        for (index, example) in dataset.examples.enumerated() {
            guard case .pixels(let print)? = contents[index], first[print] == nil else { continue }
            first[print] = example
        }
        return first
    }

    /// Rows that show the picture of another file: those of one path are told as repeated rows.
    private func twins(in other: ImageFindings) -> [Twin] {
        let firsts = other.firsts()
        return dataset.examples.enumerated().compactMap { index, example in
            guard case .pixels(let print)? = contents[index], let twin = firsts[print],
                twin.image?.standardizedFileURL != example.image?.standardizedFileURL
            else { return nil }
            return Twin(
                own: example, other: twin,
                differs: example.pair == nil && example.label?.className != twin.label?.className)
        }
    }

    private var repetitions: [DataFinding] {
        let found = twins(in: self)
        let (differing, same) = (found.filter(\.differs), found.filter { !$0.differs })
        var findings: [DataFinding] = []
        if !same.isEmpty {
            findings.append(
                DataFinding(
                    .duplicates, file: dataset.file, count: same.count, lines: same.map(\.own.line),
                    text:
                        "\(oneLine(dataset.file)): \(DataFinding.counted(same.count, "image")) with the pixels of an earlier "
                        + "one (\(pairs(same))); such rows count more than others"))
        }
        if !differing.isEmpty {
            findings.append(
                DataFinding(
                    .conflictingLabels, file: dataset.file, count: differing.count,
                    lines: differing.map(\.own.line),
                    text:
                        "\(oneLine(dataset.file)): \(DataFinding.counted(differing.count, "image")) with the pixels of an "
                        + "earlier one but another label (\(pairs(differing))); no model can learn both"))
        }
        return findings
    }

    private func leak(from other: ImageFindings) -> DataFinding? {
        let shared = twins(in: other)
        guard !shared.isEmpty else { return nil }
        let differing = shared.count { $0.differs }
        return DataFinding(
            .overlap, file: dataset.file, count: shared.count, lines: shared.map(\.own.line),
            text:
                "\(oneLine(dataset.file)): \(shared.count) of \(DataFinding.counted(dataset.examples.count, "image")) "
                + "\(shared.count == 1 ? "has" : "have") the pixels of one in \(oneLine(other.dataset.file)) (\(pairs(shared)))"
                + (differing > 0 ? ", \(differing) with another label" : "")
                + "; metrics on them look better than they are")
    }

    /// `'b/2.png' as 'a/1.png', …`: of a folder nobody knows the numbers of images.
    private func pairs(_ twins: [Twin]) -> String {
        let shown = twins.prefix(DataFinding.mostLines).map { twin in
            "\(quoted(twin.own.text, limit: 200)) as \(quoted(twin.other.text, limit: 200))"
        }
        return shown.joined(separator: ", ") + (twins.count > DataFinding.mostLines ? ", …" : "")
    }
}
