import Charts
import Foundation
import Reports
import RunConfiguration
import RunRecords

/// A run folder read for a report.
package struct ReportedRun: Sendable {
    package let record: RunRecord
    /// The folder's name; with the folder above it where another run of the report has the same one.
    package let name: String
    let triplets: TripletHistory?
    /// Why there are no triplets to show; nil when there are.
    let tripletsProblem: String?
    let settings: RunSettings
    /// What the validation rows said class by class, as far as the log tells of these evaluations; nil where there is nothing.
    let classes: ClassResults?
    /// What a language model answered to the run's prompts; nil where it has none.
    let samples: SampleHistory?

    /// Throws `RecordError` where the folder is no run, or a file in it is damaged.
    package init(folder: URL, name: String? = nil) throws {
        record = try RunReader.record(of: folder)
        self.name = name ?? folder.standardizedFileURL.lastPathComponent
        do {
            triplets = try RunReader.triplets(of: record)
            tripletsProblem = nil
        } catch let error as RecordError where error.kind != .invalid && error.kind != .unreadable {
            triplets = nil
            // A run that has just begun has no such file either.
            let mayCome = record.end == nil && record.allocations.isEmpty && !record.start.sites.isEmpty
            tripletsProblem = mayCome ? "no singular values are recorded yet" : error.problem
        }
        settings = RunSettings(folder: folder)
        samples = try RunReader.samples(RunFolder(folder), wasResumed: !record.resumedAfter.isEmpty)
        // A run that was resumed may not have come by them again yet.
        let evaluated = Set(record.evaluations.map(\.step))
        classes = try ClassResultsFile.read(RunFolder(folder)).map { results in
            ClassResults(results.evaluations.filter { evaluated.contains($0.step) })
        }
    }

    /// Runs with names that differ.
    package static func all(_ folders: [URL]) throws -> [ReportedRun] {
        let names = folders.map { $0.standardizedFileURL.lastPathComponent }
        return try folders.enumerated().map { at, folder in
            let isUnique = names.count { $0 == names[at] } == 1
            let above = folder.standardizedFileURL.deletingLastPathComponent().lastPathComponent
            let name = isUnique ? names[at] : "\(above)/\(names[at])"
            let isRepeated = folders[..<at].contains { $0.standardizedFileURL == folder.standardizedFileURL }
            return try ReportedRun(folder: folder, name: isRepeated ? "\(name) (\(at + 1))" : name)
        }
    }

    /// Whether ranks change in this run.
    var isAllocated: Bool {
        !record.allocations.isEmpty || record.start.initialBudget != record.start.finalBudget
    }

    var phases: [PhaseRange] {
        guard isAllocated else { return [] }
        let start = record.start
        let ends = [0, start.warmupSteps, record.finalStart, start.totalSteps].map(Double.init)
        return zip(["warm-up", "budgeting", "final"], zip(ends, ends.dropFirst())).map { name, range in
            PhaseRange(name, short: name == "warm-up" ? "warm" : "", from: range.0, to: range.1)
        }
    }

    var stepAxis: Axis {
        Axis("step", wholeNumbers: true, range: 0...Double(max(record.lastStep, 1)))
    }

    /// b(t) over the steps; nil where the budget is constant.
    var budgetLine: StepLine? {
        guard isAllocated, record.start.initialBudget != record.start.finalBudget else { return nil }
        var points = [ChartPoint(x: 0, y: Double(record.start.initialBudget))]
        var last = record.start.initialBudget
        for step in record.steps where step.budget != last {
            last = step.budget
            points.append(ChartPoint(x: Double(step.step), y: Double(step.budget)))
        }
        points.append(ChartPoint(x: Double(record.lastStep), y: Double(last)))
        let kept = Thinning.indices(count: points.count, limit: 600, measures: [{ points[$0].y }])
        let unit = record.start.budgetUnit
        return StepLine(
            name: "budget (\(unit.rawValue))", points: kept.map { points[$0] },
            axis: Axis(
                "budget, \(unit.rawValue)", format: unit == .parameters ? .si : .automatic,
                includesZero: true,
                wholeNumbers: true))
    }

    /// The metric that the run is judged by: the first of its evaluations.
    var metricNames: [String] { record.evaluations.first?.metrics.map(\.name) ?? [] }
}

/// What `config.yaml` of a run folder says.
struct RunSettings: Sendable {
    /// Those that have an effect, resolved, in the order of the settings.
    let effective: [(key: String, value: String)]
    /// The file without its comments; nil when there is none.
    let text: String?
    /// Why the settings cannot be told; nil when they can.
    let problem: String?
    let model: String?
    let task: String?

    init(folder: URL) {
        let file = RunFolder(folder).config
        guard let data = FileManager.default.contents(atPath: file.path), data.count <= RunConfig.largestFile,
            let yaml = String(data: data, encoding: .utf8)
        else {
            (effective, text, model, task) = ([], nil, nil, nil)
            problem = "config.yaml is not in the run folder, or is no text"
            return
        }
        text = yaml.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n")
        do {
            let config = try RunConfig.load(yaml: yaml, yamlName: "config.yaml", overrides: []).config
            let settings = config.recordedSettings()
            effective = RunConfig.settings.compactMap { setting in
                settings[setting.key].map { (setting.key, $0) }
            }
            (model, task, problem) = (config.model, config.task.rawValue, nil)
        } catch {
            (effective, model, task) = ([], nil, nil)
            problem = "config.yaml is of another version: \("\(error)".split(separator: "\n").first ?? "")"
        }
    }

    func value(_ key: String) -> String? { effective.first { $0.key == key }?.value }
}
