import Datasets
import Foundation
import GoldenFiles
import ModelFiles
import Testing

/// Rows that name image files, and folders of them.
@Suite struct ImageRowTests {
    /// A folder of its own with image files of the goldens.
    struct Folder {
        let url: URL

        init() throws {
            url = FileManager.default.temporaryDirectory.appendingPathComponent("image-rows-\(UUID())")
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }

        func remove() { try? FileManager.default.removeItem(at: url) }

        func copy(_ golden: String, to path: String) throws {
            let target = url.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: Golden.url("images/files/\(golden)"), to: target)
        }

        func write(_ text: String, to path: String) throws {
            let target = url.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: target)
        }

        func read(
            _ path: String = "", form: RowForm = .images, columns: ColumnNames = ColumnNames(),
            requireLabels: Bool = true
        ) throws -> Dataset {
            let place = path.isEmpty ? url : url.appendingPathComponent(path)
            return try Dataset.read(place, form: form, columns: columns, requireLabels: requireLabels)
        }

        /// The message without the folder's own name; nil where all is read.
        func refusal(
            _ path: String = "", form: RowForm = .images, columns: ColumnNames = ColumnNames(),
            requireLabels: Bool = true
        ) -> String? {
            do {
                _ = try read(path, form: form, columns: columns, requireLabels: requireLabels)
                return nil
            } catch {
                return "\(error)".replacing(url.relativePath, with: "F")
            }
        }
    }

    // MARK: Files

    @Test func filesNameImagesFromTheirOwnFolderOn() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb.png", to: "pictures/a.png")
        try folder.copy("grey.jpg", to: "b")
        try folder.write("image,label\npictures/a.png,cat\nb,dog\n", to: "rows.csv")
        let rows = try folder.read("rows.csv")
        #expect(rows.examples.map(\.text) == ["pictures/a.png", "b"])
        #expect(rows.examples.map(\.label) == [.text("cat"), .text("dog")])
        #expect(
            rows.examples.map { $0.image?.path }
                == ["pictures/a.png", "b"].map { folder.url.appendingPathComponent($0).path })
        #expect(rows.columns?.text == ["image"] && rows.warnings.isEmpty)
        // Paths that begin with a slash are what they are; scores are labels too.
        let absolute = folder.url.appendingPathComponent("b").path
        try folder.write("{\"file_name\": \"\(absolute)\", \"score\": 2.5}\n", to: "inner/rows.jsonl")
        #expect(try folder.read("inner/rows.jsonl").examples[0].label == .number(2.5))
        try folder.write("x\tlabel\nb\t1\n", to: "rows.tsv")
        #expect(try folder.read("rows.tsv", columns: ColumnNames(text: ["x"])).examples.count == 1)
        #expect(
            try folder.read("rows.tsv", columns: ColumnNames(text: ["x"]), requireLabels: false).examples[0]
                .label == .text("1"))
    }

    @Test func captionsStandBesideTheirImages() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb.png", to: "a.png")
        try folder.write("image,caption\na.png,\"a red, round thing\"\na.png,another\n", to: "rows.csv")
        let rows = try folder.read("rows.csv", form: .captionedImages)
        #expect(rows.examples.map(\.pair) == ["a red, round thing", "another"])
        #expect(rows.examples.allSatisfy { $0.text == "a.png" && $0.image != nil && $0.label == nil })
        // One picture may have several texts.
        #expect(rows.repetitions().isEmpty)
        try folder.write("{\"a\": \"a.png\", \"b\": \"words\"}\n", to: "rows.jsonl")
        let named = try folder.read(
            "rows.jsonl", form: .captionedImages, columns: ColumnNames(text: ["a", "b"]))
        #expect(named.examples[0].pair == "words")
    }

    @Test func whatIsWrongIsSaidWithItsLine() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb.png", to: "a.png")
        try folder.write("not an image", to: "b.png")
        try folder.write("GIF89a…", to: "c.png")
        let rows: [(row: String, message: String)] = [
            (
                "none.png",
                "F/r.csv:3: image 'none.png': cannot open: No such file or directory; check the path, which begins at the folder of this file"
            ),
            (
                "b.png",
                "F/r.csv:3: image 'b.png': this is no image that can be read; give a JPEG, PNG or WebP image"
            ),
            ("c.png", "F/r.csv:3: image 'c.png': this is a GIF image; convert it to PNG, JPEG or WebP"),
            (" ", "F/r.csv:3: no image is named; write its path, or remove the row"),
            (
                "https://x.org/a.png",
                "F/r.csv:3: the image 'https://x.org/a.png' is no file; images are not fetched: download it, and write its path"
            ),
        ]
        for row in rows {
            try folder.write("image,label\na.png,x\n\(row.row),y\n", to: "r.csv")
            #expect(folder.refusal("r.csv") == row.message)
        }
        try folder.write("picture,label\na.png,x\n", to: "r.csv")
        #expect(
            folder.refusal("r.csv")
                == "F/r.csv:1: no column of images (such as 'image'); the columns are 'picture', 'label': name one with --text-column"
        )
        #expect(
            folder.refusal("r.csv", columns: ColumnNames(text: ["picture", "label"]))?.contains(
                "name one, of the images") == true)
        #expect(
            folder.refusal("r.csv", form: .captionedImages)?.contains("no columns of images and texts")
                == true)
        try folder.write("{\"image\": {\"path\": \"a.png\"}, \"label\": \"x\"}\n", to: "r.jsonl")
        #expect(
            folder.refusal("r.jsonl")
                == "F/r.jsonl:1: column 'image' is an object or an array, not a string; write the path of an image, or its text, in quotes"
        )
        #expect(
            folder.refusal(form: .captionedImages)?.contains("this is a folder, whose images have no texts")
                == true)
        #expect(folder.refusal(form: .texts)?.contains("this is a folder") == true)
    }

    /// All that is wrong is told at once to who asks for it.
    @Test func rowsThatCannotBeReadAreLeftOut() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb.png", to: "a.png")
        try folder.write("image,label\na.png,x\nb.png,y\nc.png,z\na.png,y\n", to: "r.csv")
        let read = try Dataset.readLeavingOut(folder.url.appendingPathComponent("r.csv"), form: .images)
        #expect(read.dataset.examples.map(\.line) == [2, 5])
        #expect(read.rejected.map(\.line) == [3, 4])
    }

    /// Rows as they come, in tables and as lines of nothing but paths.
    @Test func streamsReadTheSame() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb.png", to: "a.png")
        for (name, text, format) in [
            ("r.csv", "image\na.png\nb.png\n", RowFormat.csv), ("r.txt", "a.png\nb.png\n", .text),
        ] {
            try folder.write(text, to: name)
            let input = try ByteStream(folder.url.appendingPathComponent(name))
            let stream = try RowStream(input, format: format, form: .images, columns: ColumnNames())
            let rows = try stream.next(.init(rows: 9, bytes: .max))
            #expect(rows.count == 2, "\(name)")
            #expect(try rows.first?.example.get().image?.lastPathComponent == "a.png", "\(name)")
            #expect(throws: DataError.self, "\(name)") { try rows.last?.example.get() }
        }
        #expect(throws: DataError.self) {
            let input = try ByteStream(folder.url.appendingPathComponent("r.txt"))
            _ = try RowStream(input, format: .text, form: .captionedImages, columns: ColumnNames())
        }
    }

    // MARK: Folders

    @Test func subfoldersAreClasses() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb.png", to: "dog/2.png")
        try folder.copy("grey.jpg", to: "dog/10")
        try folder.copy("lossy.webp", to: "cat/deep/er/a.webp")
        try folder.write("", to: ".DS_Store")
        try folder.write("", to: "cat/.hidden")
        try folder.write("text", to: "cat/Thumbs.db")
        let rows = try folder.read()
        #expect(rows.examples.map(\.text) == ["cat/deep/er/a.webp", "dog/10", "dog/2.png"])
        #expect(rows.examples.map(\.label) == [.text("cat"), .text("dog"), .text("dog")])
        #expect(rows.examples.map(\.line) == [1, 2, 3])
        #expect(
            rows.warnings.map { $0.replacing(folder.url.relativePath, with: "F") } == [
                "F: 2 hidden files skipped, first '.DS_Store'",
                "F: 1 file that is no image left out, first 'cat/Thumbs.db'",
            ])
    }

    @Test func foldersThatAreNoneOfClasses() throws {
        let folder = try Folder()
        defer { folder.remove() }
        #expect(
            folder.refusal()?.hasPrefix(
                "F: there is no subfolder in it, where each should be a class of images; ") == true)
        try folder.copy("rgb.png", to: "a.png")
        #expect(folder.refusal()?.hasPrefix("F/a.png: the image lies in no class's folder; ") == true)
        #expect(try folder.read(requireLabels: false).examples.map(\.label) == [nil])
        let parts = try Folder()
        defer { parts.remove() }
        try parts.copy("rgb.png", to: "train/x/a.png")
        try parts.copy("rgb.png", to: "test/x/a.png")
        #expect(parts.refusal()?.contains("named as parts of data, not as classes; give one of them") == true)
        let empty = try Folder()
        defer { empty.remove() }
        try empty.copy("rgb.png", to: "a/a.png")
        try empty.write("", to: "b/readme")
        #expect(empty.refusal() == "F/b: there is no image of this class; add some, or remove the folder")
        // A picture that would be lost in silence
        for (name, text, problem) in [
            ("x.jpg", "", "this is an empty file"), ("x.png", "<html>", "this is a web page"),
            ("x", "GIF89a", "this is a GIF image"),
        ] {
            let lost = try Folder()
            defer { lost.remove() }
            try lost.copy("rgb.png", to: "a/a.png")
            try lost.write(text, to: "a/\(name)")
            #expect(
                lost.refusal()?.hasPrefix("F/a/\(name): \(problem); ") == true, "\(lost.refusal() ?? "read")")
        }
        let circle = try Folder()
        defer { circle.remove() }
        try circle.copy("rgb.png", to: "a/a.png")
        try FileManager.default.createSymbolicLink(
            at: circle.url.appendingPathComponent("a/loop"),
            withDestinationURL: circle.url.appendingPathComponent("a"))
        #expect(circle.refusal()?.contains("more than 32 folders inside each other; check its links") == true)
    }

    /// Files of one name in two folders are two images.
    @Test func foldersMayHaveTheSameNames() throws {
        let (first, second) = (try Folder(), try Folder())
        defer {
            first.remove()
            second.remove()
        }
        try first.copy("rgb.png", to: "a/1.png")
        try second.copy("grey.jpg", to: "a/1.png")
        #expect(try second.read().overlap(with: first.read()) == 0)
        #expect(try first.read().overlap(with: first.read()) == 1)
    }

    /// In another folder such paths mean other images, or none.
    @Test func pathsThatHoldInTheirFolderAlone() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb-420.jpg", to: "a.png")
        let whole = folder.url.appendingPathComponent("a.png").path
        try folder.write("image,label\n\(whole),x\n", to: "whole.csv")
        try folder.read("whole.csv").checkImagePathsAreWhole()
        try folder.write("image,label\n\(whole),x\na.png,y\n", to: "r.csv")
        let rows = try folder.read("r.csv")
        do {
            try rows.checkImagePathsAreWhole()
            Issue.record("a path that begins at the file's folder is written elsewhere")
        } catch let error as DataError {
            #expect(
                error.line == 3 && error.problem.contains("the path of the image 'a.png' begins at"),
                "\(error)")
        }
        try Dataset(examples: [Example(text: "a", label: nil, line: 1)], file: "r.jsonl")
            .checkImagePathsAreWhole()
    }

    // MARK: What images hold

    @Test func findingsDecodeEveryImage() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb.png", to: "a/1.png")
        try folder.copy("interlaced-rgb.png", to: "b/same-pixels.png")
        try folder.copy("grey.jpg", to: "a/2.jpg")
        try folder.copy("grey.jpg", to: "a/3.jpg")
        let whole = try Data(contentsOf: Golden.url("images/files/rgb-420.jpg"))
        try whole.prefix(whole.count / 2).write(to: folder.url.appendingPathComponent("b/half.jpg"))
        let rows = try folder.read()
        let held = try Folder()
        defer { held.remove() }
        try held.copy("grey.jpg", to: "a/other.jpg")
        try held.copy("lossy.webp", to: "a/new.webp")
        let findings = ImageFindings.findings([rows, try held.read()])
        #expect(findings.map(\.kind) == [.unreadableImages, .duplicates, .conflictingLabels, .overlap])
        #expect(findings.map(\.isError) == [true, false, false, false])
        #expect(
            findings[0].text.contains("1 image cannot be read (line 4); first ")
                && findings[0].text.contains("half.jpg"))
        #expect(findings[1].lines == [3] && findings[2].lines == [5] && findings[3].lines == [2])
        #expect(findings[2].text.contains("('b/same-pixels.png' as 'a/1.png')"))
        #expect(findings[3].text.contains("1 of 2 images has the pixels of one in"))
    }

    @Test func fingerprintsTellChangedImages() throws {
        let folder = try Folder()
        defer { folder.remove() }
        try folder.copy("rgb.png", to: "a/1.png")
        try folder.copy("grey.jpg", to: "b/1.jpg")
        let rows = try folder.read()
        let (images, paths) = (try rows.imageFingerprint(), rows.pathFingerprint())
        #expect(try folder.read().imageFingerprint() == images && folder.read().pathFingerprint() == paths)
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent("b/1.jpg"))
        #expect(throws: DataError.self) { try rows.imageFingerprint() }
        try folder.copy("rgb-444.jpg", to: "b/1.jpg")
        #expect(try folder.read().imageFingerprint() != images && folder.read().pathFingerprint() == paths)
        try folder.copy("rgb-444.jpg", to: "b/2.jpg")
        #expect(try folder.read().pathFingerprint() != paths)
    }
}
