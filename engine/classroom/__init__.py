"""What a class does with the lab: experiments of a minute, each a question that its run answers."""
