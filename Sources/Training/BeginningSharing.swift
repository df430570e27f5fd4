/// Where a model computes once what sequences of a shard begin with alike.
package struct BeginningSharing: Sendable, Equatable {
    /// In the steps of training: without dropout, which is drawn for each row of each sequence, so that none is like another.
    package let trains: Bool
    /// Where sequences are read without training
    package let evaluates: Bool

    package init(trains: Bool, evaluates: Bool) { (self.trains, self.evaluates) = (trains, evaluates) }

    package static let none = BeginningSharing(trains: false, evaluates: false)
    package static let evaluations = BeginningSharing(trains: false, evaluates: true)
    package static let all = BeginningSharing(trains: true, evaluates: true)
}
