import Foundation
import ModelFiles

extension Dataset {
    /// More rejected rows than this, and the file as a whole is at fault.
    package static let mostRejected = 20

    /// As `read`, for a person who wants to see all that is wrong: rows that cannot be read are left out and told.
    ///
    /// - Throws: `DataError` where the fault is not that of single rows, or there are more than `mostRejected` of them;
    ///   `NoRowLeft` where none can be read.
    package static func readLeavingOut(
        _ url: URL, form: RowForm = .texts, columns: ColumnNames = ColumnNames()
    ) throws -> (dataset: Dataset, rejected: [DataError]) {
        do {
            return (try read(url, form: form, columns: columns, requireLabels: true), [])
        } catch let error as DataError {
            guard let format = DataFormat(fileName: url.lastPathComponent, form: form),
                error.line != nil || format == .squad || format == .json,
                let bytes = try? FileBytes.read(url)
            else { throw error }
            return try parseLeavingOut(
                bytes, name: url.relativePath, format: format, form: form, columns: columns)
        }
    }

    /// As `readLeavingOut`, from memory.
    package static func parseLeavingOut(
        _ bytes: [UInt8], name: String, format: DataFormat, form: RowForm, columns: ColumnNames
    ) throws -> (dataset: Dataset, rejected: [DataError]) {
        // Readers stop at the first bad row, so a row is emptied and all is read again: slow where much is wrong, but
        // there is one way to read.
        var text = try unpacked(bytes, name: name, format)
        if format == .squad { return try documentLeavingOut(text, name: name, columns: columns) }
        if format == .json {
            return try arrayLeavingOut(text, name: name, form: form, columns: columns)
        }
        SourceText.normalize(&text)
        var delimiter: Delimiter?
        if format == .csv || format == .tsv, let source = try? SourceText(text, name: name) {
            let request = ColumnRequest(
                wanted: columns, form: form, requireLabels: form.hasLabels, file: name)
            delimiter = try? OpenedTable(source, format, request).reader.delimiter
        }
        var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
        var rejected: [DataError] = []
        while true {
            do {
                let dataset = try parse(
                    Array(lines.joined(separator: [0x0A])), name: name, format: format, form: form,
                    columns: columns, requireLabels: true)
                // Rows emptied here look like blank lines of the file.
                let warnings = dataset.warnings.filter { rejected.isEmpty || !$0.contains(" blank line") }
                return (
                    Dataset(
                        examples: dataset.examples, file: name, warnings: warnings, columns: dataset.columns,
                        declaredLabels: dataset.declaredLabels, vectorWidth: dataset.vectorWidth),
                    rejected
                )
            } catch let error as DataError {
                // Of other rows a fault of the whole file may have been told row by row.
                if form == .questions, error.line == nil, !rejected.isEmpty {
                    throw NoRowLeft(rejected: rejected)
                }
                guard let line = error.line, let emptied = empty(line - 1, of: &lines, format, delimiter)
                else {
                    throw rejected.first ?? error
                }
                rejected.append(format == .csv || format == .tsv ? located(error, emptied) : error)
                guard rejected.count <= mostRejected else {
                    throw DataError(
                        file: name, line: rejected[0].line,
                        problem:
                            "more than \(mostRejected) rows cannot be read; of the first: \(rejected[0].problem)",
                        advice: rejected[0].advice)
                }
            }
        }
    }

    /// The error of a row that goes on over several lines, at its beginning.
    private static func located(_ error: DataError, _ lines: Range<Int>) -> DataError {
        guard lines.count > 1 else { return error }
        return DataError(
            file: error.file, line: lines.lowerBound + 1,
            problem: "\(error.problem) (the row takes lines \(lines.lowerBound + 1) to \(lines.upperBound))",
            advice: error.advice)
    }

    /// Empties a row, or the sentence around a word's line, and gives its lines' positions. nil where that would be no row,
    /// or is empty already.
    private static func empty(
        _ index: Int, of lines: inout [[UInt8]], _ format: DataFormat, _ delimiter: Delimiter?
    ) -> Range<Int>? {
        func isBlank(_ line: [UInt8]) -> Bool { line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
        guard lines.indices.contains(index), !isBlank(lines[index]) else { return nil }
        var row = index..<index + 1
        switch format {
        case .squad, .json: return nil
        case .jsonl: break
        case .tsv, .csv:
            let delimiter = delimiter ?? Delimiter(of: format)
            if DelimitedReader.isQuoted(format, delimiter) {
                row = DelimitedReader.rowLines(around: index, in: lines, delimiter)
            }
            // Without its header a file means something else.
            let header = lines.firstIndex { !isBlank($0) && Delimiter(note: $0[...]) == nil }
            guard row.lowerBound > header ?? 0 else { return nil }
        case .conll:
            var (first, last) = (index, index)
            while first > 0, !isBlank(lines[first - 1]) { first -= 1 }
            while last + 1 < lines.count, !isBlank(lines[last + 1]) { last += 1 }
            row = first..<last + 1
        }
        for line in row { lines[line] = [] }
        return row
    }
}
