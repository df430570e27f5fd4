import ModelFiles

/// A kind of file that holds no rows of text, or holds them packed: recognized by its first bytes or its name, since a
/// person is helped by the way to convert it, not by "name it .jsonl".
struct ForeignFormat {
    let name: String
    private let extensions: [String]
    private let marks: [[UInt8]]
    /// What makes rows of it.
    let advice: String

    private init(_ name: String, _ extensions: [String], _ marks: [[UInt8]], _ advice: String) {
        (self.name, self.extensions, self.marks, self.advice) = (name, extensions, marks, advice)
    }

    private static func pandas(_ call: String) -> String {
        "convert it with pandas: \(call).to_json('rows.jsonl', orient='records', lines=True)"
    }

    private static let spreadsheet = "save the sheet as CSV (UTF-8) where it was made"

    private static let all = [
        ForeignFormat(
            "a Parquet file", ["parquet", "pq"], [Array("PAR1".utf8) + [0x15]], pandas("read_parquet(FILE)")),
        ForeignFormat(
            "an Arrow file", ["arrow"], [Array("ARROW1".utf8) + [0], [0xFF, 0xFF, 0xFF, 0xFF]],
            "convert it with datasets: Dataset.from_file(FILE).to_json('rows.jsonl')"),
        ForeignFormat(
            "a Feather file", ["feather", "ftr"], [Array("FEA1".utf8) + [0]], pandas("read_feather(FILE)")),
        ForeignFormat("an Excel workbook", ["xlsx", "xlsm", "xlsb"], [], spreadsheet),
        ForeignFormat("an OpenDocument sheet", ["ods"], [], spreadsheet),
        ForeignFormat(
            "an Excel workbook", ["xls"], [[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]], spreadsheet),
        ForeignFormat(
            "a numpy file", ["npz", "npy"], [[0x93] + Array("NUMPY".utf8)],
            "write the texts and labels as JSON Lines"),
        ForeignFormat("a ZIP archive", ["zip"], [[0x50, 0x4B, 3, 4]], "unpack it with unzip"),
        ForeignFormat("a zstd file", ["zst"], [[0x28, 0xB5, 0x2F, 0xFD]], "unpack it with zstd -d"),
        ForeignFormat(
            "a bzip2 file", ["bz2"], (1...9).map { Array("BZh\($0)1AY&SY".utf8) }, "unpack it with bzip2 -d"),
        ForeignFormat(
            "an xz file", ["xz", "lzma"], [[0xFD] + Array("7zXZ".utf8) + [0]], "unpack it with xz -d"),
        ForeignFormat("an LZ4 file", ["lz4"], [[0x04, 0x22, 0x4D, 0x18]], "unpack it with lz4 -d"),
        ForeignFormat("a compress file", ["z"], [[0x1F, 0x9D]], "unpack it with gzip -d"),
        ForeignFormat("a 7z archive", ["7z"], [Array("7z".utf8) + [0xBC, 0xAF]], "unpack it with 7z x"),
        ForeignFormat("a tar archive", ["tar", "tgz"], [], "unpack it with tar -xf"),
        ForeignFormat(
            "a pickle", ["pkl", "pickle"], (2...5).map { [0x80, $0] }, pandas("read_pickle(FILE)")),
        ForeignFormat(
            "an SQLite file", ["sqlite", "db"], [Array("SQLite format 3".utf8) + [0]],
            "export the table as CSV: sqlite3 -header -csv FILE 'select * from TABLE'"),
        ForeignFormat(
            "an HDF5 file", ["h5", "hdf5"], [[0x89, 0x48, 0x44, 0x46]], pandas("read_hdf(FILE)")),
        ForeignFormat(
            "a PDF", ["pdf"], [Array("%PDF-".utf8)], "write the texts and labels as JSON Lines or CSV"),
        ForeignFormat(
            "a web page", ["html", "htm"],
            ["<!DOCTYPE html", "<!doctype html", "<html"].map { Array($0.utf8) },
            "the download may have failed: get the file again"),
        ForeignFormat(
            "a Git LFS pointer", [], [Array("version https://git-lfs.github.com/spec/".utf8)],
            "get the file itself with git lfs pull"),
    ]

    /// By the extension of a file's name, in whatever case.
    init?(fileName: String) {
        guard let dot = fileName.lastIndex(of: ".") else { return nil }
        let ending = fileName[fileName.index(after: dot)...].lowercased()
        guard let found = Self.all.first(where: { $0.extensions.contains(ending) }) else { return nil }
        self = found
    }

    /// By the first bytes. What an archive holds is told by the name, where that says more.
    init?(bytes: [UInt8], fileName: String) {
        if bytes.count > 262, bytes[257..<262].elementsEqual("ustar".utf8) {
            self = ForeignFormat("a tar archive", [], [], "unpack it with tar -xf")
            return
        }
        guard let found = Self.all.first(where: { $0.marks.contains { bytes.starts(with: $0) } }) else {
            return nil
        }
        guard found.name == "a ZIP archive" else {
            self = found
            return
        }
        let start = String(decoding: bytes.prefix(4096), as: UTF8.self)
        let inside =
            start.contains("spreadsheet")
            ? "a.ods"
            : start.contains("xl/") || start.contains("[Content_Types].xml") ? "a.xlsx" : fileName
        self = ForeignFormat(fileName: inside) ?? found
    }

    func error(_ file: String) -> DataError {
        DataError(file: file, problem: "this is \(name), which holds no lines of text", advice: advice)
    }
}
