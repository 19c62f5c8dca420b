package wire

// A Cause says why a datagram was refused. The values are those of enum mcl_malformed in include/mcl.h, plus OK.
type Cause int8

const (
	OK             Cause = -1
	BadMsgpack     Cause = 0 // no msgpack, or cut short
	BadShape       Cause = 1 // no array of 2 or 4, or elements of wrong types
	BadTrailing    Cause = 2 // bytes after the array
	BadTopic       Cause = 3 // neither nil nor a string
	BadPacket      Cause = 4 // packet outside 1..packets
	BadPackets     Cause = 5 // packets 0, or more than the largest message needs
	BadDepth       Cause = 6 // nested deeper than DepthMax
	BadSize        Cause = 7 // payload larger than the limit
	BadReassembled Cause = 8 // the joined fragments are not one msgpack object
	numCauses            = 9
	_                    = numCauses
)
