import Messages

extension LabelTally {
    /// Labels of the files that are one label written in several ways, one finding for each file that has a spelling of its own.
    ///
    /// - Parameter files: the training file first.
    package static func spellings(_ files: [(tally: LabelTally, file: String)]) -> [DataFinding] {
        var known: [String: [ClassCount]] = [:]
        var findings: [DataFinding] = []
        for (index, entry) in files.enumerated() {
            guard case .classes(let classes) = entry.tally else { continue }
            var changed: [String] = []
            for label in classes where label.count > 0 {
                let usual = LabelSpelling.usual(label.name)
                if known[usual]?.contains(where: { $0.name == label.name }) == true { continue }
                if known[usual] != nil && !changed.contains(usual) { changed.append(usual) }
                known[usual, default: []].append(label)
            }
            let groups = changed.compactMap { known[$0] }
            if !groups.isEmpty {
                findings.append(finding(groups, entry.file, after: index > 0 ? files[0].file : nil))
            }
        }
        return findings
    }

    private static let mostGroups = 5

    private static func finding(_ groups: [[ClassCount]], _ file: String, after first: String?) -> DataFinding
    {
        // The most frequent spelling is taken for the right one.
        let sorted = groups.map { $0.sorted { ($1.count, $0.line) < ($0.count, $1.line) } }
        let others = sorted.flatMap { $0.dropFirst() }
        let shown = sorted.prefix(mostGroups).map { group in
            let names = group.prefix(6).map { "\(quoted($0.name)) (\($0.count))" }.joined(separator: ", ")
            return names + (group.count > 6 ? " and \(group.count - 6) more" : "")
        }
        return DataFinding(
            .labelSpellings, file: file, count: others.reduce(0) { $0 + $1.count },
            lines: others.map(\.line).sorted(),
            text:
                "\(oneLine(file)): \(DataFinding.counted(groups.count, "label")) written in several ways"
                + (first.map { " here and in \(oneLine($0))" } ?? "") + ": \(shown.joined(separator: "; "))"
                + (groups.count > mostGroups ? "; and \(groups.count - mostGroups) more" : "")
                + "; each spelling is a label of its own, so write one")
    }
}
